// Volumes of the native backend, asked of real boxes.
#include "model/volume.h"

#include <sys/stat.h>

#include <filesystem>

#include "base/text.h"
#include "fixture.h"

namespace ak::conformance {
namespace {

class VolumeTest : public testing::Test {
 protected:
  void SetUp() override {
    bench_.native_options.pool_max = 2;
    bench_.native_options.pool_size = 1;
    if (const std::string why = bench_.whyNot(); !why.empty()) {
      GTEST_SKIP() << "native: " << why;
    }
    directory_ = bench_.directory() + "/volume";
    std::filesystem::create_directories(cat(directory_, "/", model::kVolumeData));
  }

  model::BoxVolume volume(const std::string& target) const {
    struct stat info{};
    EXPECT_EQ(::stat(directory_.c_str(), &info), 0);
    return {{directory_, info.st_dev, info.st_ino}, target, false};
  }

  backend::StartRequest request(const std::string& id, const std::string& target) {
    auto asked = bench_.request(id);
    asked.volumes = {volume(target)};
    asked.may_pool = true;
    return asked;
  }

  void waitForWarm() {
    auto work = [&]() -> net::Task<void> {
      while (bench_.backend().poolStats().warm < 1) {
        co_await net::sleepFor(std::chrono::milliseconds(1));
      }
    };
    bench_.wait(work());
  }

  Bench bench_{"native"};
  std::string directory_;
};

TEST_F(VolumeTest, AWarmBoxTakesVolumesAtItsClaim) {
  auto like = bench_.request(kBox);
  like.may_pool = true;
  bench_.backend().warm(like);
  waitForWarm();
  auto hit = bench_.start(request(kBox, "/data"));
  ASSERT_TRUE(hit) << hit.error().message;
  EXPECT_TRUE(hit->from_pool);
  EXPECT_EQ(bench_.sh(*hit->agent, "echo x > /data/f; stat -c %u:%g /data/f").output, "0:0\n");
  auto cold = request(kBox + "-2", "/srv/other");
  cold.may_pool = false;
  auto other = bench_.start(std::move(cold));
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_FALSE(other->from_pool);
  EXPECT_EQ(bench_.sh(*other->agent, "cat /srv/other/f; stat -c %u:%g /srv/other/f").output,
            "x\n0:0\n");
  EXPECT_TRUE(bench_.stop(kBox));
  EXPECT_TRUE(bench_.stop(kBox + "-2"));
}

TEST_F(VolumeTest, OneThatIsGoneIsAnErrorAndLeavesNoBox) {
  auto asked = request(kBox, "/data");
  std::filesystem::remove_all(directory_);
  const auto started = bench_.start(std::move(asked));
  ASSERT_FALSE(started);
  EXPECT_FALSE(started.error().message.empty());
  EXPECT_TRUE(bench_.wait(bench_.backend().list())->empty());
}

TEST_F(VolumeTest, ASizeIsPutInForceOrRefused) {
  const backend::VolumeLimit wish{directory_, std::uint64_t{16} << 20U, 0x6f000001};
  const auto limited = bench_.wait(bench_.backend().limitVolume(wish));
  if (::geteuid() != 0) {
    ASSERT_FALSE(limited);
    EXPECT_EQ(limited.error().code, ErrorCode::Unsupported);
    EXPECT_FALSE(limited.error().remedy.empty());
    return;
  }
  if (!limited && limited.error().code == ErrorCode::Unsupported) {
    GTEST_SKIP() << limited.error().message;
  }
  ASSERT_TRUE(limited) << limited.error().message;
  auto box = bench_.start(request(kBox, "/data"));
  if (!box && box.error().code == ErrorCode::Unsupported) {
    GTEST_SKIP() << box.error().message;
  }
  ASSERT_TRUE(box) << box.error().message;
  EXPECT_NE(bench_.sh(*box->agent, "head -c 20000000 /dev/zero > /data/fill").exit.code, 0);
  EXPECT_TRUE(bench_.stop(kBox));
}

}  // namespace
}  // namespace ak::conformance
