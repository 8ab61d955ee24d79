#include "manager/changes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "manager/made_repositories.h"
#include "sys/file.h"

namespace ak::manager {
namespace {

using model::Change;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

// Upper layers are made by hand, in the form that overlayfs writes (kernel
// Documentation/filesystems/overlayfs.rst); the end-to-end tests use a mounted one.
class ChangesTest : public testing::Test {
 protected:
  ChangesTest() {
    char pattern[] = "/tmp/ak-changes-XXXXXX";
    top_ = ::mkdtemp(pattern);
    fs::create_directories(top_ / "upper");
    fs::create_directories(top_ / "lower");
    upper_ = std::move(*sys::openPath(top_ / "upper", O_RDONLY | O_DIRECTORY));
    lower_ = std::move(*sys::openPath(top_ / "lower", O_RDONLY | O_DIRECTORY));
    options_.is_protected = [](const std::string& path) { return path.contains(".git/hooks"); };
    options_.owner_uid = ::geteuid();
    options_.owner_gid = ::getegid();
  }

  ~ChangesTest() override { fs::remove_all(top_); }

  void put(const fs::path& path, const std::string& text) {
    fs::create_directories((top_ / path).parent_path());
    std::ofstream(top_ / path) << text;
  }

  std::string get(const fs::path& path) {
    std::ifstream file(top_ / path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void whiteout(const fs::path& path) {
    fs::create_directories((top_ / path).parent_path());
    if (::mknod((top_ / path).c_str(), S_IFCHR, ::makedev(0, 0)) != 0) {
      GTEST_SKIP() << "whiteouts need CAP_MKNOD";
    }
  }

  std::vector<std::string> found(const std::vector<std::string>& paths = {}) {
    const auto changes = listChanges(trees(), paths);
    EXPECT_TRUE(changes) << changes.error().message;
    std::vector<std::string> lines;
    if (!changes) {
      return lines;
    }
    for (const Change& change : *changes) {
      lines.push_back(std::string(1, "AMD"[static_cast<int>(change.kind)]) + " " + change.path);
    }
    return lines;
  }

  ChangeTrees trees() const { return {.uppers = {{upper_.get()}}, .lower = {lower_.get()}}; }

  fs::path top_;
  sys::OwnedFd upper_;
  sys::OwnedFd lower_;
  ApplyOptions options_;
};

TEST_F(ChangesTest, TellsAddedModifiedAndDeletedApart) {
  put("lower/same", "1");
  put("lower/dir/old", "old");
  put("lower/gone", "x");
  put("upper/dir/old", "new");
  put("upper/dir/fresh", "fresh");
  whiteout("upper/gone");
  EXPECT_THAT(found(), ElementsAre("A dir/fresh", "M dir/old", "D gone"));
}

TEST_F(ChangesTest, ACopyUpWithoutADifferenceIsNoChange) {
  put("lower/a", "same");
  put("upper/a", "same");
  EXPECT_THAT(found(), ElementsAre());
  fs::permissions(top_ / "upper/a", fs::perms::owner_all);
  EXPECT_THAT(found(), ElementsAre("M a"));
}

TEST_F(ChangesTest, ADeletedDirectoryListsAllBelowIt) {
  put("lower/d/sub/file", "x");
  whiteout("upper/d");
  EXPECT_THAT(found(), ElementsAre("D d", "D d/sub", "D d/sub/file"));
}

TEST_F(ChangesTest, AnOpaqueDirectoryHidesWhatTheHostHasThere) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "trusted attributes need root";
  }
  put("lower/d/old", "x");
  put("lower/d/both", "x");
  put("upper/d/both", "y");
  ASSERT_EQ(::setxattr((top_ / "upper/d").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  EXPECT_THAT(found(), ElementsAre("M d/both", "D d/old"));
}

TEST_F(ChangesTest, ApplyTakesFilesLinksDirectoriesAndDeletions) {
  put("lower/keep", "keep");
  put("lower/dir/old", "old");
  put("lower/becomes-dir", "file");
  put("lower/becomes-file/x", "x");
  put("upper/dir/old", "new");
  put("upper/made/deep/file", "deep");
  put("upper/becomes-dir/y", "y");
  put("upper/becomes-file", "now a file");
  fs::create_symlink("old", top_ / "upper/dir/link");
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes);
  const auto taken = applyChanges(trees(), *changes, options_);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(get("lower/dir/old"), "new");
  EXPECT_EQ(get("lower/made/deep/file"), "deep");
  EXPECT_EQ(get("lower/becomes-dir/y"), "y");
  EXPECT_EQ(get("lower/becomes-file"), "now a file");
  EXPECT_EQ(fs::read_symlink(top_ / "lower/dir/link"), "old");
  EXPECT_EQ(get("lower/keep"), "keep");
  EXPECT_THAT(found(), ElementsAre());
}

TEST_F(ChangesTest, ApplyRefusesWhatTheHostExecutesAndLinksThatLeadOut) {
  put("upper/.git/hooks/pre-commit", "#!/bin/sh\nevil\n");
  put("upper/fine", "fine");
  fs::create_symlink("/etc/passwd", top_ / "upper/link");
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes);
  const auto refused = applyChanges(trees(), *changes, options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::PolicyDenied);
  EXPECT_THAT(refused.error().message, HasSubstr(".git/hooks/pre-commit"));
  EXPECT_THAT(refused.error().message, HasSubstr("link"));
  EXPECT_FALSE(fs::exists(top_ / "lower/fine")) << "nothing may be written before the refusal";
  const auto fine = listChanges(trees(), {"fine"});
  ASSERT_TRUE(fine);
  EXPECT_TRUE(applyChanges(trees(), *fine, options_));
  EXPECT_EQ(get("lower/fine"), "fine");
}

// `git status` in such a directory runs what its config names: core.fsmonitor.
TEST_F(ChangesTest, ApplyRefusesARepositoryWithoutADotGit) {
  for (const char* where : {"", "deep/down/"}) {
    put(cat("upper/", where, "HEAD"), "ref: refs/heads/main\n");
    put(cat("upper/", where, "config"), "[core]\nfsmonitor = evil\n");
    put(cat("upper/", where, "objects/x"), "");
    put(cat("upper/", where, "refs/x"), "");
  }
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes);
  const auto refused = applyChanges(trees(), *changes, options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::PolicyDenied);
  EXPECT_THAT(refused.error().message, HasSubstr(" config"));
  EXPECT_THAT(refused.error().message, HasSubstr("deep/down/config"));
  EXPECT_TRUE(fs::is_empty(top_ / "lower"));
}

TEST_F(ChangesTest, ApplyRefusesARepositoryThatComesInPieces) {
  put("lower/HEAD", "ref: refs/heads/main\n");
  put("lower/config", "");
  put("upper/objects/x", "");
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes);
  EXPECT_FALSE(applyChanges(trees(), *changes, options_));
  EXPECT_FALSE(fs::exists(top_ / "lower/objects"));
}

TEST_F(ChangesTest, NamesOfARepositorysPartsAloneAreFine) {
  put("upper/config/hooks", "");
  put("upper/src/objects/head/config", "");
  put("upper/HEAD", "not a repository's");
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes);
  EXPECT_TRUE(applyChanges(trees(), *changes, options_));
  EXPECT_EQ(get("lower/HEAD"), "not a repository's");
}

TEST_F(ChangesTest, LinksThatClimbThroughOtherLinksLeadOut) {
  fs::create_directory_symlink(".", top_ / "upper/up");
  fs::create_symlink("up/up/../../outside", top_ / "upper/climber");
  fs::create_directories(top_ / "upper/sub");
  fs::create_symlink("../sub/file", top_ / "upper/sub/fine");
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes);
  const auto refused = applyChanges(trees(), *changes, options_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("climber"));
  EXPECT_THAT(refused.error().message, testing::Not(HasSubstr("fine")));
}

TEST_F(ChangesTest, AFileThatBecomesALinkAfterTheCheckIsRefused) {
  put("upper/dir/a", "a");
  put("upper/dir/b", "b");
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes);
  // The guest swaps b while paths are checked; by then dir/b is known as a plain file.
  options_.is_protected = [&](const std::string& path) {
    if (path == "dir/b") {
      fs::remove(top_ / "upper/dir/b");
      fs::create_symlink("/etc/passwd", top_ / "upper/dir/b");
    }
    return false;
  };
  const auto refused = applyChanges(trees(), *changes, options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::PolicyDenied);
  EXPECT_FALSE(fs::is_symlink(top_ / "lower/dir/b"));
}

TEST_F(ChangesTest, ApplyNeverWritesThroughALinkOfTheHost) {
  put("outside/target", "precious");
  put("upper/dir/file", "evil");
  fs::create_directory_symlink(top_ / "outside", top_ / "lower/dir");
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes);
  options_.take_protected = true;
  (void)applyChanges(trees(), *changes, options_);
  EXPECT_FALSE(fs::exists(top_ / "outside/file"));
  EXPECT_EQ(get("outside/target"), "precious");
}

TEST_F(ChangesTest, SetIdBitsAreNotTaken) {
  put("upper/tool", "#!/bin/sh\n");
  ASSERT_EQ(::chmod((top_ / "upper/tool").c_str(), 06755), 0);
  const auto changes = listChanges(trees());
  ASSERT_TRUE(applyChanges(trees(), *changes, options_));
  struct stat info{};
  ASSERT_EQ(::stat((top_ / "lower/tool").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0755U);
}

TEST_F(ChangesTest, AFifoIsRefusedWithoutHanging) {
  ASSERT_EQ(::mkfifo((top_ / "upper/pipe").c_str(), 0600), 0);
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes);
  ASSERT_EQ(changes->size(), 1U);
  EXPECT_TRUE(diffChanges(trees(), *changes));
  const auto taken = applyChanges(trees(), *changes, options_);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::Unsupported);
}

TEST_F(ChangesTest, DiscardDropsOnlyWhatWasNamed) {
  put("lower/a", "1");
  put("upper/a", "2");
  put("upper/d/b", "3");
  ASSERT_TRUE(discardChanges({{upper_.get()}}, OwnLayer::First, {"d"}));
  EXPECT_THAT(found(), ElementsAre("M a"));
  ASSERT_TRUE(discardChanges({{upper_.get()}}, OwnLayer::First, {}));
  EXPECT_THAT(found(), ElementsAre());
}

TEST_F(ChangesTest, DiscardTellsWhatItDoesNotFind) {
  put("lower/d/file", "x");
  put("upper/a", "1");
  whiteout("upper/d");
  const Tree upper{upper_.get()};
  const auto missing = discardChanges({upper}, OwnLayer::First, {"a", "nothing"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::NotFound);
  const auto hidden = discardChanges({upper}, OwnLayer::First, {"d/file"});
  ASSERT_FALSE(hidden);
  EXPECT_EQ(hidden.error().code, ErrorCode::Conflict);
  EXPECT_THAT(hidden.error().message, HasSubstr("'d'"));
  EXPECT_THAT(found(), ElementsAre("A a", "D d", "D d/file")) << "a refusal drops nothing";
  EXPECT_FALSE(discardChanges({upper}, OwnLayer::First, {"../lower/d"}));
  EXPECT_FALSE(discardChanges({upper}, OwnLayer::First, {"/etc"}));
  EXPECT_TRUE(fs::exists(top_ / "lower/d/file"));
}

TEST_F(ChangesTest, DiffShowsTextAndNamesTheRest) {
  put("lower/t", "one\ntwo\nthree\n");
  put("upper/t", "one\n2\nthree\n");
  put("upper/bin", std::string("\0\1", 2));
  put("upper/esc", "\033[31mred\n");
  const auto changes = listChanges(trees());
  const auto text = diffChanges(trees(), *changes);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("--- a/t\n+++ b/t\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"));
  EXPECT_THAT(*text, HasSubstr("added bin (binary, large or not readable)"));
  EXPECT_THAT(*text, HasSubstr("+\\x1b[31mred"));
  EXPECT_FALSE(text->contains('\033'));
}

TEST_F(ChangesTest, LooksOnlyWhereItIsAskedTo) {
  put("upper/a", "1");
  put("upper/dir/b", "2");
  put("upper/dirt", "3");
  put("lower/gone/below", "x");
  whiteout("upper/gone");
  EXPECT_THAT(found({"./a/"}), ElementsAre("A a"));
  EXPECT_THAT(found({"dir"}), ElementsAre("A dir", "A dir/b"));
  EXPECT_THAT(found({"dir/b", "dir", "a"}), ElementsAre("A a", "A dir", "A dir/b"));
  EXPECT_THAT(found({"gone/below"}), ElementsAre("D gone/below"));
  EXPECT_EQ(found({"."}), found());
  EXPECT_EQ(listChanges(trees(), {"b"}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(listChanges(trees(), {"a", "lower"}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(listChanges(trees(), {"../lower"}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(listChanges(trees(), {"/a"}).error().code, ErrorCode::InvalidArgument);
}

// Directory in directory until no system call can name what is below: a guest makes it with chdir.
class DeepChangesTest : public ChangesTest {
 protected:
  void dig(const sys::OwnedFd& top, const std::string& first) {
    ASSERT_EQ(::mkdirat(top.get(), first.c_str(), 0755), 0);
    sys::OwnedFd at = sys::openAt(top.get(), first, O_RDONLY | O_DIRECTORY).value();
    const std::string name(200, 'd');
    for (int depth = 0; depth < 50; ++depth) {
      ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0755), 0);
      at = sys::openAt(at.get(), name, O_RDONLY | O_DIRECTORY).value();
    }
  }

  ~DeepChangesTest() override {
    (void)sys::removeTree(upper_.get(), "deep");
    (void)sys::removeTree(lower_.get(), "deep");
  }
};

TEST_F(DeepChangesTest, ATreeTooDeepToNameHidesNothingElse) {
  put("upper/fine", "fine");
  put("upper/zebra", "z");
  dig(upper_, "deep");
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes) << changes.error().message;
  EXPECT_EQ(changes->front().path, "deep");
  EXPECT_EQ(changes->back().path, "zebra");
  EXPECT_EQ(std::ranges::count_if(*changes, &Change::partial), 1);
  const auto text = diffChanges(trees(), *changes);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("too long to show"));
  const auto refused = applyChanges(trees(), *changes, options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::TooLarge);
  EXPECT_LT(refused.error().message.size(), 400U);
  EXPECT_TRUE(fs::is_empty(top_ / "lower"));
  const auto fine = listChanges(trees(), {"fine"});
  ASSERT_TRUE(fine);
  EXPECT_TRUE(applyChanges(trees(), *fine, options_));
  EXPECT_EQ(get("lower/fine"), "fine");
  ASSERT_TRUE(discardChanges({{upper_.get()}}, OwnLayer::First, {"deep"}));
  EXPECT_THAT(found(), ElementsAre("A zebra"));
}

TEST_F(DeepChangesTest, ADeepTreeOfTheHostsThatIsGoneIsToldToo) {
  dig(lower_, "deep");
  whiteout("upper/deep");
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes) << changes.error().message;
  EXPECT_EQ(std::ranges::count_if(*changes, &Change::partial), 1);
  EXPECT_FALSE(applyChanges(trees(), *changes, options_));
  EXPECT_TRUE(fs::exists(top_ / "lower/deep"));
}

TEST_F(DeepChangesTest, BothSidesDeepIsOneEntry) {
  dig(lower_, "deep");
  dig(upper_, "deep");
  const auto changes = listChanges(trees());
  ASSERT_TRUE(changes) << changes.error().message;
  ASSERT_EQ(changes->size(), 1U);
  EXPECT_TRUE(changes->front().partial);
}

TEST_F(DeepChangesTest, LongPathsAreBoundedInAll) {
  // 16 levels of 200 bytes: each entry in the last has a path of 3.2 KiB, and there are 11,000.
  std::string path = "upper/wide";
  for (int depth = 0; depth < 16; ++depth) {
    path += cat("/", std::string(200, 'w'));
  }
  fs::create_directories(top_ / path);
  const sys::OwnedFd at = sys::openPath(top_ / path, O_RDONLY | O_DIRECTORY).value();
  for (int i = 0; i < 11'000; ++i) {
    ASSERT_EQ(::mknodat(at.get(), cat(i).c_str(), S_IFREG | 0644, 0), 0);
  }
  put("upper/fine", "fine");
  const auto changes = listChanges(trees());
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().code, ErrorCode::TooLarge);
  EXPECT_THAT(found({"fine"}), ElementsAre("A fine"));
  EXPECT_TRUE(discardChanges({{upper_.get()}}, OwnLayer::First, {"wide"}));
  EXPECT_THAT(found(), ElementsAre("A fine"));
}

// Parts of a repository in parts of a repository, 800 deep: looked at once each, not in each path.
TEST_F(DeepChangesTest, NestedPartsOfARepositoryAreJudgedInLittleMemory) {
  std::vector<Change> changes;
  std::string path;
  for (int depth = 0; depth < 500; ++depth) {
    path += path.empty() ? "config" : "/config";
    changes.push_back({.path = path, .mode = S_IFDIR | 0755});
  }
  for (int i = 0; i < 5'000; ++i) {
    changes.push_back({.path = cat(path, "/", i), .mode = S_IFREG | 0644});
  }
  const auto parts = repositoryParts(Tree{lower_.get()}, changes);
  ASSERT_TRUE(parts);
  EXPECT_THAT(*parts, ElementsAre());
}

}  // namespace
}  // namespace ak::manager
