#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/text.h"
#include "sys/file.h"
#include "sys/testing/forked.h"
#include "sys/testing/temp_dir.h"

namespace ak::sys {
namespace {

namespace fs = std::filesystem;
using testing::inChild;
using testing::TempDir;

void write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::size_t openDescriptors() {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), {}));
}

class RemoveTreeTest : public ::testing::Test {
 protected:
  // The victim beside the tree: nothing done to the tree may reach it.
  void SetUp() override {
    fs::create_directories(dir_.path("outside/deep"));
    write(dir_.path("outside/file"), "mine");
    write(dir_.path("outside/deep/file"), "mine too");
    fs::create_directory(dir_.path("tree"));
  }

  void expectVictimWhole() {
    EXPECT_EQ(readFile(dir_.path("outside/file"), 100).value_or(""), "mine");
    EXPECT_EQ(readFile(dir_.path("outside/deep/file"), 100).value_or(""), "mine too");
  }

  void expectRemoved() {
    const Status removed = removeTree(dir_.fd(), "tree");
    EXPECT_TRUE(removed) << removed.error().message;
    EXPECT_FALSE(fs::exists(fs::symlink_status(dir_.path("tree"))));
    expectVictimWhole();
  }

  TempDir dir_;
};

TEST_F(RemoveTreeTest, MissingIsSuccessAndAFileIsRemoved) {
  EXPECT_TRUE(removeTree(dir_.fd(), "nothing"));
  write(dir_.path("file"), "x");
  EXPECT_TRUE(removeTree(dir_.fd(), "file"));
  EXPECT_FALSE(fs::exists(dir_.path("file")));
}

TEST_F(RemoveTreeTest, RemovesWideAndNestedTrees) {
  for (int i = 0; i < 3000; ++i) {
    write(dir_.path(cat("tree/", i)), "");
  }
  for (int i = 0; i < 100; ++i) {
    fs::create_directories(dir_.path(cat("tree/d", i, "/e/f")));
    write(dir_.path(cat("tree/d", i, "/e/f/file")), "x");
  }
  expectRemoved();
}

TEST_F(RemoveTreeTest, RemovesATreeFiveThousandLevelsDeepWithAFewDescriptors) {
  OwnedFd at = OwnedFd(::open(dir_.path("tree").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    ASSERT_EQ(::symlinkat("/", at.get(), "up"), 0);
    at = OwnedFd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at.valid());
  }
  at.reset();
  const std::size_t before = openDescriptors();
  expectRemoved();
  EXPECT_EQ(openDescriptors(), before);
}

TEST_F(RemoveTreeTest, LinksAreRemovedAndNotFollowed) {
  fs::create_directory_symlink(dir_.path("outside"), dir_.path("tree/absolute"));
  fs::create_directory_symlink("../outside", dir_.path("tree/relative"));
  fs::create_directory_symlink("..", dir_.path("tree/parent"));
  fs::create_directory_symlink("/proc/self/root", dir_.path("tree/magic"));
  fs::create_symlink("loop", dir_.path("tree/loop"));
  fs::create_directory(dir_.path("tree/sub"));
  fs::create_directory_symlink("../../outside/deep", dir_.path("tree/sub/link"));
  expectRemoved();
}

TEST_F(RemoveTreeTest, ALinkInPlaceOfTheTreeLosesOnlyItself) {
  fs::remove(dir_.path("tree"));
  fs::create_directory_symlink("outside", dir_.path("tree"));
  expectRemoved();
}

TEST_F(RemoveTreeTest, AHardLinkLosesOneName) {
  fs::create_hard_link(dir_.path("outside/file"), dir_.path("tree/name"));
  expectRemoved();
}

TEST_F(RemoveTreeTest, SpecialFilesAreRemovedUnopened) {
  ASSERT_EQ(::mkfifo(dir_.path("tree/fifo").c_str(), 0600), 0);  // opening it would block
  if (::geteuid() == 0) {
    // A whiteout of overlayfs.
    ASSERT_EQ(::mknod(dir_.path("tree/whiteout").c_str(), S_IFCHR, makedev(0, 0)), 0);
  }
  expectRemoved();
}

TEST_F(RemoveTreeTest, NamesThatLookLikeOursOrAreNotTextAreRemovedToo) {
  for (const char* name : {".ak-remove-0", ".ak-remove-1", "\xff\xfe", "\n", "-rf", "..."}) {
    fs::create_directories(dir_.path("tree") / fs::path(name) / ".ak-remove-0");
    write(dir_.path("tree") + "/" + name + "/file", "x");
  }
  expectRemoved();
}

TEST_F(RemoveTreeTest, OnlyTheNameOfOneEntryIsTaken) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("../outside"),
        std::string("tree/.."), std::string("/"), std::string("outside/"),
        std::string("outside\0", 8)}) {
    const Status removed = removeTree(dir_.fd(), name);
    ASSERT_FALSE(removed) << name;
    EXPECT_EQ(removed.error().code, ErrorCode::InvalidArgument) << name;
  }
  expectVictimWhole();
}

// Rootless, nobody may read a directory of mode 000, not even its owner.
TEST_F(RemoveTreeTest, AnUnprivilegedOwnerRemovesClosedDirectories) {
  const int status = inChild([&] {
    if (::geteuid() == 0 && (::fchown(dir_.fd(), 65534, 65534) != 0 ||
                             ::chown(dir_.path("tree").c_str(), 65534, 65534) != 0 ||
                             ::setgid(65534) != 0 || ::setuid(65534) != 0)) {
      return 1;
    }
    fs::create_directories(dir_.path("tree/a/b/c"));
    write(dir_.path("tree/a/b/c/file"), "x");
    for (const char* name : {"tree/a/b/c", "tree/a/b", "tree/a", "tree"}) {
      ::chmod(dir_.path(name).c_str(), 0);
    }
    return removeTree(dir_.fd(), "tree") ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(fs::exists(dir_.path("tree")));
}

// A bind mount that was left behind must cost nothing of what is mounted.
TEST_F(RemoveTreeTest, MountsAreNotEntered) {
  const int status = inChild([&] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      return 77;
    }
    fs::create_directories(dir_.path("tree/a/mount"));
    if (::mount(dir_.path("outside").c_str(), dir_.path("tree/a/mount").c_str(), nullptr, MS_BIND,
                nullptr) != 0) {
      return 1;
    }
    const Status inside = removeTree(dir_.fd(), "tree");
    if (inside || inside.error().code != ErrorCode::Conflict || inside.error().remedy.empty()) {
      return 2;
    }
    if (::mount(dir_.path("outside").c_str(), dir_.path("tree").c_str(), nullptr, MS_BIND,
                nullptr) != 0) {
      return 3;
    }
    const Status top = removeTree(dir_.fd(), "tree");
    return top || top.error().code != ErrorCode::Conflict ? 4 : 0;
  });
  if (status == 77) {
    GTEST_SKIP() << "needs the right to make mount namespaces";
  }
  EXPECT_EQ(status, 0);
  expectVictimWhole();
  expectRemoved();
}

}  // namespace
}  // namespace ak::sys
