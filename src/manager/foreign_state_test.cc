#include "manager/foreign_state.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/text.h"
#include "manager/testing/bench.h"

namespace ak::manager {
namespace {

constexpr std::string_view kGood =
    R"({"name":"good","image":"alpine","vcpus":1,"memory_mb":256,"vsock_cid":5,)"
    R"("created_at":"2024-06-15T12:30:00Z"})";

class ForeignStateTest : public ::testing::Test {
 protected:
  ~ForeignStateTest() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, std::string_view text) {
    std::ofstream(cat(directory_, "/", name)) << text;
  }

  const std::string directory_ = testing::Bench::freshDirectory();
};

TEST_F(ForeignStateTest, NothingThereIsNoError) {
  EXPECT_TRUE(readForeignState(directory_)->empty());
  EXPECT_TRUE(readForeignState(directory_ + "/none")->empty());
  EXPECT_EQ(countUnseenForeignState(directory_ + "/none"), 0U);
  write("file", "");
  EXPECT_FALSE(readForeignState(directory_ + "/file"));
}

TEST_F(ForeignStateTest, OneGoodOneBrokenOneThatIsNone) {
  write("good.json", kGood);
  write("broken.json", "{");
  write("notes.txt", "x");
  const auto files = readForeignState(directory_);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 2U);
  EXPECT_EQ((*files)[0].file, "broken.json");
  EXPECT_FALSE((*files)[0].state);
  ASSERT_TRUE((*files)[1].state);
  EXPECT_EQ((*files)[1].state->record.image, "alpine");
  EXPECT_EQ((*files)[1].state->memory_mb, 256U);
}

TEST_F(ForeignStateTest, TheirDataDirectoryMayBeNamedAsWell) {
  std::filesystem::create_directory(directory_ + "/sandboxes");
  write("sandboxes/good.json", kGood);
  EXPECT_EQ(readForeignState(directory_)->size(), 1U);
  EXPECT_EQ(countUnseenForeignState(directory_), 1U);
  ASSERT_TRUE(markForeignStateSeen(directory_));
  EXPECT_EQ(countUnseenForeignState(directory_), 0U);
}

TEST_F(ForeignStateTest, AUuidThatIsMadeIsAlwaysTheSame) {
  write("good.json", kGood);
  const std::string first = readForeignState(directory_)->front().state->record.uuid;
  EXPECT_TRUE(model::isUuid(first));
  EXPECT_EQ(first[14], '7');
  EXPECT_EQ(readForeignState(directory_)->front().state->record.uuid, first);
  write("other.json", std::string(kGood).replace(9, 4, "evil"));
  EXPECT_NE((*readForeignState(directory_))[1].state->record.uuid, first);
}

// Whoever may write there must not have the daemon read, or wait for, something else.
TEST_F(ForeignStateTest, LinksPipesAndGiantsAreNotRead) {
  ASSERT_EQ(::symlink("/etc/passwd", (directory_ + "/link.json").c_str()), 0);
  ASSERT_EQ(::mkfifo((directory_ + "/pipe.json").c_str(), 0600), 0);
  std::filesystem::create_directory(directory_ + "/directory.json");
  write("giant.json", "");
  std::filesystem::resize_file(directory_ + "/giant.json", 2 << 20);
  write("deep.json", std::string(100'000, '['));
  const auto files = readForeignState(directory_);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 5U);
  for (const ForeignFile& file : *files) {
    EXPECT_FALSE(file.state) << file.file;
    EXPECT_EQ(file.content.empty(), file.file != "deep.json") << file.file;
  }
}

TEST_F(ForeignStateTest, TheQuarantineKeepsEachContentOnce) {
  const ForeignFile one{"x.json", fail(ErrorCode::InvalidArgument, "no"), "{"};
  const ForeignFile two{"x.json", fail(ErrorCode::InvalidArgument, "no"), "{{"};
  const auto first = quarantine(directory_, one);
  ASSERT_TRUE(first);
  EXPECT_EQ(*quarantine(directory_, one), *first);
  EXPECT_NE(*quarantine(directory_, two), *first);
  std::ifstream copy(*first);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(copy), {}), "{");
  struct stat info{};
  ASSERT_EQ(::stat(first->c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

}  // namespace
}  // namespace ak::manager
