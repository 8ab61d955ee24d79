#include "store/volume_store.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "store/sandbox_store.h"

namespace ak::store {
namespace {

class VolumeStoreTest : public testing::Test {
 protected:
  VolumeStoreTest() {
    char pattern[] = "/tmp/ak-store-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    path_ = directory_ + "/state.db";
  }

  ~VolumeStoreTest() override { std::filesystem::remove_all(directory_); }

  static model::VolumeRecord volume(const std::string& uuid,
                                    const std::string& slug,
                                    std::uint32_t project) {
    return {.uuid = uuid,
            .slug = slug,
            .size_bytes = std::uint64_t{1} << 40U,
            .limited_by = "loop",
            .project = project,
            .created_at = *parseTime("2026-01-02T03:04:05.678901Z"),
            .last_used = {},
            .mount_count = 0};
  }

  std::string directory_;
  std::string path_;
};

TEST_F(VolumeStoreTest, KeepsEveryFieldAcrossReopening) {
  model::VolumeRecord kept = volume("u1", "cache", 7);
  {
    auto store = SandboxStore::open(path_);
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_TRUE(store->volumes().insert(kept));
    kept.last_used = *parseTime("2026-02-02T03:04:05Z");
    kept.mount_count = 9;
    ASSERT_TRUE(store->volumes().saveUse(kept));
  }
  auto store = SandboxStore::open(path_);
  ASSERT_TRUE(store) << store.error().message;
  const auto all = store->volumes().load();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front(), kept);
}

TEST_F(VolumeStoreTest, ASlugThatIsTakenIsRefusedAndFreeAgainWhenRemoved) {
  auto store = SandboxStore::open(path_);
  ASSERT_TRUE(store->volumes().insert(volume("u1", "cache", 7)));
  const Status twice = store->volumes().insert(volume("u2", "cache", 8));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::AlreadyExists);
  EXPECT_FALSE(twice.error().remedy.empty());
  ASSERT_TRUE(store->volumes().remove("u1"));
  EXPECT_TRUE(store->volumes().remove("u1"));
  ASSERT_TRUE(store->volumes().saveUse(volume("u1", "cache", 7)));  // gone: nothing to note
  ASSERT_TRUE(store->volumes().insert(volume("u2", "cache", 8)));
  EXPECT_EQ(store->volumes().load()->size(), 1U);
}

TEST_F(VolumeStoreTest, ADatabaseFromBeforeVolumesGetsTheirTable) {
  {
    ASSERT_TRUE(SandboxStore::open(path_));
  }
  {
    auto database = Database::open(path_);
    ASSERT_TRUE(database->execute("DROP TABLE volumes; PRAGMA user_version=4;"));
  }
  auto store = SandboxStore::open(path_);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE(store->volumes().insert(volume("u1", "cache", 7)));
}

}  // namespace
}  // namespace ak::store
