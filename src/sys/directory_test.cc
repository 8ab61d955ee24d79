#include "sys/directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sys/file.h"
#include "sys/testing/temp_dir.h"

namespace ak::sys {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TempDir;

Result<std::vector<std::string>> namesIn(const std::string& path, std::size_t limit) {
  return listNames(AK_TRY(DirectoryReader::open(AT_FDCWD, path)), limit);
}

TEST(DirectoryTest, NamesAreSortedWithoutTheDirectoryAndItsParent) {
  const TempDir dir;
  EXPECT_THAT(namesIn(dir.path(), 0).value(), IsEmpty());
  for (const char* name : {"b", "..c", "a"}) {
    ASSERT_TRUE(openPath(dir.path() + "/" + name, O_WRONLY | O_CREAT, 0600));
  }
  EXPECT_THAT(namesIn(dir.path(), 3).value(), ElementsAre("..c", "a", "b"));
}

TEST(DirectoryTest, MoreNamesThanTheLimitAreTooLarge) {
  const TempDir dir;
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(openPath(dir.path() + "/" + name, O_WRONLY | O_CREAT, 0600));
  }
  const auto names = namesIn(dir.path(), 2);
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, ErrorCode::TooLarge);
}

// Attack: where a directory of ours is expected stands a link to somebody else's.
TEST(DirectoryTest, ALinkAndAFileAreNoDirectories) {
  const TempDir dir;
  ASSERT_EQ(::symlink("/", (dir.path() + "/link").c_str()), 0);
  ASSERT_TRUE(openPath(dir.path() + "/file", O_WRONLY | O_CREAT, 0600));
  EXPECT_FALSE(namesIn(dir.path() + "/link", 100));
  EXPECT_FALSE(namesIn(dir.path() + "/file", 100));
  EXPECT_FALSE(DirectoryReader::open(openPath(dir.path() + "/file", O_RDONLY).value()));
}

TEST(DirectoryTest, ListingLeavesTheBorrowedDescriptorAlone) {
  const TempDir dir;
  ASSERT_TRUE(openPath(dir.path() + "/a", O_WRONLY | O_CREAT, 0600));
  const OwnedFd fd = openPath(dir.path(), O_RDONLY | O_DIRECTORY).value();
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(listNames(DirectoryReader::open(fd.get(), ".").value(), 9).value(),
                ElementsAre("a"));
  }
}

}  // namespace
}  // namespace ak::sys
