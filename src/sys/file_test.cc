#include "sys/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>

#include <gtest/gtest.h>

#include "sys/testing/forked.h"
#include "sys/testing/temp_dir.h"

namespace ak::sys {
namespace {

namespace fs = std::filesystem;
using testing::inChild;
using testing::TempDir;

unsigned modeOf(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : ~0U;
}

TEST(OpenAtTest, DescriptorsAreCloseOnExecAlsoWithoutAsking) {
  const Result<OwnedFd> fd = openPath("/dev/null", O_RDONLY);
  ASSERT_TRUE(fd);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

// Attack: a project holds a FIFO where a file is looked for, and whoever reads it waits for ever.
TEST(ReadRegularFileTest, WaitsForNothingAndReadsOnlyFiles) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo(dir.path("fifo").c_str(), 0600), 0);
  std::ofstream(dir.path("file")) << "text";
  EXPECT_EQ(readRegularFile(dir.fd(), "fifo", 10).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(readRegularFile(dir.fd(), "/dev/null", 10).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(readRegularFile(dir.fd(), ".", 10).error().sys_errno, EISDIR);
  EXPECT_EQ(readRegularFile(dir.fd(), "none", 10).error().code, ErrorCode::NotFound);
  EXPECT_EQ(readRegularFile(dir.fd(), "file", 3).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(readRegularFile(dir.fd(), "file", 4).value_or(""), "text");
  EXPECT_FALSE(readRegularFile(dir.fd(), "/etc/passwd", 1 << 20, RESOLVE_BENEATH));
}

TEST(OpenAtTest, MissingIsNotFoundAndTheOptionalFormSaysNothingElse) {
  const TempDir dir;
  EXPECT_EQ(openAt(dir.fd(), "x", O_RDONLY).error().code, ErrorCode::NotFound);
  EXPECT_FALSE(openAtIfExists(dir.fd(), "x", O_RDONLY).value());
  std::ofstream(dir.path("file")) << "x";
  EXPECT_TRUE(openAtIfExists(dir.fd(), "file", O_RDONLY).value());
  // ENOTDIR is an error, not an absence: something is there and it is wrong.
  EXPECT_FALSE(openAtIfExists(dir.fd(), "file/x", O_RDONLY));
}

TEST(OpenAtTest, ScopedLookupsStayInside) {
  const TempDir dir;
  fs::create_directory_symlink("/etc", dir.path("link"));
  EXPECT_FALSE(openAt(dir.fd(), "link/passwd", O_RDONLY, 0, RESOLVE_BENEATH));
  EXPECT_FALSE(openAt(dir.fd(), "../x", O_RDONLY, 0, RESOLVE_BENEATH));
  EXPECT_TRUE(openAt(dir.fd(), "link/passwd", O_RDONLY));
}

TEST(ReadAllTest, TheLimitIsExact) {
  const TempDir dir;
  const std::string data(10000, 'x');
  ASSERT_TRUE(replaceFile(dir.fd(), "file", data, 0600));
  EXPECT_EQ(readFile(dir.path("file"), 10000), data);
  EXPECT_EQ(readFile(dir.path("file"), 9999).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(readFile(dir.path("file"), std::numeric_limits<std::size_t>::max()), data);
  EXPECT_EQ(readFile(dir.path("file"), 0).error().code, ErrorCode::TooLarge);
}

TEST(ReadAllTest, EndlessFilesEndAtTheLimit) {
  EXPECT_EQ(readFile("/dev/zero", 1 << 20).error().code, ErrorCode::TooLarge);
}

TEST(ReadAllTest, ErrorsNameTheFile) {
  EXPECT_NE(readFile("/nonexistent/file", 10).error().message.find("/nonexistent/file"),
            std::string::npos);
}

TEST(WriteAllTest, AFullDeviceIsCapacity) {
  const Result<OwnedFd> full = openPath("/dev/full", O_WRONLY);
  ASSERT_TRUE(full);
  EXPECT_EQ(writeAll(full->get(), "x").error().code, ErrorCode::Capacity);
}

TEST(ReplaceFileTest, MakesAndReplacesWithTheModeAskedFor) {
  const TempDir dir;
  const mode_t old_mask = ::umask(0777);
  const Status first = replaceFile(dir.fd(), "file", "one", 0644);
  ::umask(old_mask);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(modeOf(dir.path("file")), 0644U);
  ASSERT_TRUE(replaceFile(dir.fd(), "file", "two", 0600));
  EXPECT_EQ(readFile(dir.path("file"), 100), "two");
  EXPECT_EQ(modeOf(dir.path("file")), 0600U);
}

TEST(ReplaceFileTest, ALinkIsReplacedAndNotFollowed) {
  const TempDir dir;
  ASSERT_TRUE(replaceFile(dir.fd(), "target", "kept", 0600));
  fs::create_symlink("target", dir.path("link"));
  ASSERT_TRUE(replaceFile(dir.fd(), "link", "new", 0600));
  EXPECT_EQ(readFile(dir.path("target"), 100), "kept");
  EXPECT_EQ(readFile(dir.path("link"), 100), "new");
}

TEST(ReplaceFileTest, LeavesNothingBehindAlsoWhenItFails) {
  const TempDir dir;
  fs::create_directory(dir.path("taken"));
  std::ofstream(dir.path("taken/x")) << "x";
  EXPECT_FALSE(replaceFile(dir.fd(), "taken", "x", 0600));
  ASSERT_TRUE(replaceFile(dir.fd(), std::string(255, 'n'), "x", 0600));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 2);
}

// The old content stands whole until the new one does.
TEST(ReplaceFileTest, AFullDiskLeavesTheOldContent) {
  const TempDir dir;
  ASSERT_TRUE(replaceFile(dir.fd(), "file", "old", 0600));
  const int status = inChild([&] {
    const rlimit limit{100, 100};
    ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const Status written = replaceFile(dir.fd(), "file", std::string(1000, 'n'), 0600);
    return !written && written.error().code == ErrorCode::TooLarge ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(readFile(dir.path("file"), 100), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 1);
}

TEST(MakePrivateDirectoryTest, MakesParentsAndTightensTheMode) {
  const TempDir dir;
  ASSERT_TRUE(makePrivateDirectory(dir.path("a/b/c")));
  EXPECT_EQ(modeOf(dir.path("a/b/c")), 0700U);
  ::chmod(dir.path("a/b/c").c_str(), 0777);
  ASSERT_TRUE(makePrivateDirectory(dir.path("a/b/c")));
  EXPECT_EQ(modeOf(dir.path("a/b/c")), 0700U);
}

TEST(MakePrivateDirectoryTest, RefusesLinksAndFiles) {
  const TempDir dir;
  fs::create_directory(dir.path("real"));
  fs::create_directory_symlink("real", dir.path("link"));
  EXPECT_FALSE(makePrivateDirectory(dir.path("link")));
  std::ofstream(dir.path("file")) << "x";
  EXPECT_FALSE(makePrivateDirectory(dir.path("file")));
}

TEST(MakePrivateDirectoryTest, RefusesWhatBelongsToSomebodyElse) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to give a directory away";
  }
  const TempDir dir;
  fs::create_directory(dir.path("theirs"));
  ASSERT_EQ(::chown(dir.path("theirs").c_str(), 65534, 65534), 0);
  const Result<OwnedFd> fd = makePrivateDirectory(dir.path("theirs"));
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code, ErrorCode::PermissionDenied);
  EXPECT_FALSE(fd.error().remedy.empty());
}

TEST(OwnedFdTest, MoveAssignClosesTheOldDescriptor) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
  OwnedFd first(pipe_fds[0]);
  OwnedFd second(pipe_fds[1]);
  first = std::move(second);
  EXPECT_EQ(::fcntl(pipe_fds[0], F_GETFD), -1);
  EXPECT_EQ(first.get(), pipe_fds[1]);
}

TEST(OwnedFdTest, ResetKeepsErrnoForWhoeverReportsNext) {
  OwnedFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  errno = ENOSPC;
  fd.reset();
  EXPECT_EQ(errno, ENOSPC);
  EXPECT_FALSE(fd.valid());
}

TEST(OwnedFdTest, DuplicatesAreCloseOnExecAndAboveStandardStreams) {
  const OwnedFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Result<OwnedFd> copy = fd.duplicate();
  ASSERT_TRUE(copy);
  EXPECT_GE(copy->get(), 3);
  EXPECT_NE(::fcntl(copy->get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_FALSE(OwnedFd().duplicate());
}

}  // namespace
}  // namespace ak::sys
