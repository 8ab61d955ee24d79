#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <cstdlib>

#include "crypto/sha256.h"
#include "image/test_support.h"
#include "image/test_tar.h"

namespace ak::image {
namespace {

using testing::exists;
using testing::must;
using testing::openStore;
using testing::readText;
using testing::storeOptions;
using testing::TarWriter;
using testing::TempDirectory;
using testing::writeText;

class ImportTest : public ::testing::Test {
 protected:
  ImportTest() : options_(storeOptions(directory_ / "store")), store_(openStore(options_)) {}

  Result<ImageInfo> importBytes(std::string_view bytes, const std::string& name = "test") {
    writeText(directory_ / "archive", bytes);
    return store_->import(directory_ / "archive", name);
  }

  // The image's only layer.
  std::string layer(const std::string& name = "test") {
    const ResolvedImage image = must(store_->resolve(name));
    return image.root.layers.empty() ? "" : image.root.layers.front().path;
  }

  // Fails, names the code, and leaves nothing in the store.
  void expectRefused(std::string_view bytes, ErrorCode code) {
    const Result<ImageInfo> result = importBytes(bytes);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_TRUE(std::filesystem::is_empty(directory_ / "store/staging"));
    EXPECT_TRUE(std::filesystem::is_empty(directory_ / "store/layers"));
    EXPECT_TRUE(must(store_->list()).empty());
  }

  static struct stat statOf(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info;
  }

  static int run(const std::string& command) { return std::system(command.c_str()); }

  static bool have(const char* program) {
    return run(cat("command -v ", program, " > /dev/null")) == 0;
  }

  TempDirectory directory_;
  ImageStore::Options options_;
  std::unique_ptr<ImageStore> store_;
};

TEST_F(ImportTest, RootTarKeepsContentModesOwnersAndTimes) {
  const ImageInfo info =
      must(importBytes(TarWriter()
                           .directory("./", 0711)
                           .directory("bin")
                           .add({.name = "bin/tool", .content = "x", .mode = 04755})
                           .add({.name = "home/a", .content = "a", .uid = 1000, .gid = 100})
                           .add({.name = "far", .uid = 70000})
                           .hardLink("bin/same", "bin/tool")
                           .symlink("sbin", "bin")
                           .finish()));
  EXPECT_EQ(info.name, "test:latest");
  EXPECT_EQ(info.size, 2U);
  const std::string root = layer();
  EXPECT_EQ(statOf(root).st_mode & 07777U, 0711U);
  EXPECT_EQ(statOf(root + "/bin/tool").st_mode & 07777U, 0755U) << "set-id bits go";
  EXPECT_EQ(statOf(root + "/bin/tool").st_mtim.tv_sec, 1'600'000'000);
  EXPECT_EQ(statOf(root + "/bin").st_mtim.tv_sec, 1'600'000'000);
  EXPECT_EQ(statOf(root + "/bin/tool").st_ino, statOf(root + "/bin/same").st_ino);
  if (::geteuid() == 0) {
    EXPECT_EQ(statOf(root + "/home/a").st_uid, 1000U);
    EXPECT_EQ(statOf(root + "/home/a").st_gid, 100U);
    EXPECT_EQ(statOf(root + "/far").st_uid, 65534U);
  }
}

TEST_F(ImportTest, AbsoluteNamesLandBelowTheRoot) {
  must(importBytes(TarWriter().file("/etc/ak-absolute", "inside").finish()));
  EXPECT_EQ(readText(layer() + "/etc/ak-absolute"), "inside");
  EXPECT_FALSE(exists("/etc/ak-absolute"));
}

TEST_F(ImportTest, NamesAndLinksThatLeadOutsideAreRefused) {
  const std::string victim = directory_ / "victim";
  writeText(victim, "untouched");
  const auto refused = ErrorCode::InvalidArgument;
  expectRefused(TarWriter().file("../escape", "x").finish(), refused);
  expectRefused(TarWriter().file("a/../../escape", "x").finish(), refused);
  expectRefused(TarWriter().symlink("out", directory_.path()).file("out/victim", "x").finish(),
                refused);
  expectRefused(TarWriter().symlink("out", "/").file("out/etc/ak-escape", "x").finish(), refused);
  expectRefused(TarWriter().symlink("a", "b").symlink("b", "/").directory("a/tmp/ak").finish(),
                refused);
  expectRefused(TarWriter().hardLink("passwd", "/etc/passwd").finish(), refused);
  expectRefused(TarWriter().hardLink("passwd", "../../../../etc/passwd").finish(), refused);
  expectRefused(TarWriter().symlink("out", "/etc").hardLink("passwd", "out/passwd").finish(),
                refused);
  expectRefused(TarWriter().file("plain", "").file("plain/below", "").finish(), refused);
  expectRefused(TarWriter().symlink("out", "/tmp").file("out/.wh.victim", "").finish(), refused);
  expectRefused(TarWriter().symlink("out", "/tmp").file("out/.wh..wh..opq", "").finish(), refused);
  expectRefused(TarWriter().file(".wh...", "").finish(), refused);
  EXPECT_EQ(readText(victim), "untouched");
  EXPECT_FALSE(exists("/etc/ak-escape"));
}

TEST_F(ImportTest, AFileReplacesALinkAndIsNotWrittenThroughIt) {
  const std::string victim = directory_ / "victim";
  writeText(victim, "untouched");
  must(importBytes(TarWriter().symlink("f", victim).file("f", "new").finish()));
  EXPECT_EQ(readText(layer() + "/f"), "new");
  EXPECT_EQ(readText(victim), "untouched");
}

TEST_F(ImportTest, LaterMembersReplaceEarlierOnes) {
  must(importBytes(TarWriter()
                       .file("d/inner", "x")
                       .file("d", "now a file")
                       .file("e", "file")
                       .directory("e")
                       .file("e/inner", "y")
                       .finish()));
  EXPECT_EQ(readText(layer() + "/d"), "now a file");
  EXPECT_EQ(readText(layer() + "/e/inner"), "y");
}

TEST_F(ImportTest, DevicesAndFifosAreLeftOut) {
  must(importBytes(TarWriter()
                       .add({.name = "dev/sda", .type = '4', .major = 8})
                       .add({.name = "dev/null", .type = '3', .major = 1, .minor = 3})
                       .add({.name = "dev/fake-whiteout", .type = '3'})
                       .add({.name = "fifo", .type = '6'})
                       .file("kept", "")
                       .finish()));
  EXPECT_TRUE(exists(layer() + "/kept"));
  for (const char* name : {"/dev/sda", "/dev/null", "/dev/fake-whiteout", "/fifo"}) {
    EXPECT_FALSE(exists(layer() + name)) << name;
  }
}

TEST_F(ImportTest, OverlayAndSecurityAttributesOfAnArchiveAreDropped) {
  must(importBytes(TarWriter()
                       .pax("SCHILY.xattr.trusted.overlay.redirect", "/elsewhere")
                       .pax("SCHILY.xattr.user.overlay.opaque", "y")
                       .pax("SCHILY.xattr.security.capability", "x")
                       .pax("SCHILY.xattr.user.note", "kept")
                       .directory("d")
                       .finish()));
  char names[256];
  const ssize_t size = ::llistxattr((layer() + "/d").c_str(), names, sizeof names);
  EXPECT_EQ(std::string(names, static_cast<std::size_t>(std::max<ssize_t>(size, 0))),
            std::string("user.note\0", 10));
}

TEST_F(ImportTest, LimitsHoldAndLeaveNothing) {
  options_.max_entries = 1000;
  options_.max_unpacked_bytes = 1 << 20;
  store_.reset();
  store_ = openStore(options_);
  TarWriter many;
  for (int i = 0; i < 20'000; ++i) {
    many.file(cat("f", i), "");
  }
  expectRefused(many.finish(), ErrorCode::TooLarge);
  expectRefused(TarWriter().file("big", std::string(2 << 20, 'x')).finish(), ErrorCode::TooLarge);
  // A header that claims an exabyte, with nothing behind it.
  std::string claim = TarWriter().pax("size", "1152921504606846976").file("f", "").finish();
  expectRefused(claim, ErrorCode::TooLarge);
  std::string deep;
  for (int i = 0; i < 2000; ++i) {
    deep += "d/";
  }
  expectRefused(TarWriter().gnuLong('L', deep + "f").file("f", "").finish(), ErrorCode::TooLarge);
}

TEST_F(ImportTest, CompressedTarsHaveTheSameDigest) {
  const std::string tar = TarWriter().file("f", std::string(100'000, 'x')).finish();
  writeText(directory_ / "root.tar", tar);
  ASSERT_EQ(run(cat("cd ", directory_.path(),
                    " && gzip -k root.tar && zstd -q root.tar"
                    // two gzip members in a row are one stream (RFC 1952, 2.2)
                    " && head -c 50000 root.tar | gzip > two.tar.gz"
                    " && tail -c +50001 root.tar | gzip >> two.tar.gz")),
            0);
  const ImageInfo plain = must(store_->import(directory_ / "root.tar", "plain"));
  for (const char* name : {"root.tar.gz", "root.tar.zst", "two.tar.gz"}) {
    EXPECT_EQ(must(store_->import(directory_ / name, "packed")).digest, plain.digest) << name;
  }
  for (const char* name : {"root.tar.gz", "root.tar.zst"}) {
    const std::string whole = readText(directory_ / name);
    for (const std::size_t cut : {std::size_t{5}, whole.size() / 2, whole.size() - 1}) {
      const auto result = importBytes(std::string_view(whole).substr(0, cut));
      ASSERT_FALSE(result) << name << " cut at " << cut;
      EXPECT_EQ(result.error().code, ErrorCode::Protocol) << result.error().message;
    }
  }
}

TEST_F(ImportTest, GarbageIsNoImage) {
  expectRefused("", ErrorCode::Protocol);
  expectRefused(std::string(5000, 'x'), ErrorCode::Protocol);
  expectRefused(std::string(1024, '\0'), ErrorCode::InvalidArgument);
  EXPECT_EQ(store_->import("/dev/null", "x").error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(store_->import(directory_ / "missing", "x").error().code, ErrorCode::NotFound);
}

TEST_F(ImportTest, DirectoryIsCopied) {
  writeText(directory_ / "root/bin/tool", "tool");
  ::chmod((directory_ / "root/bin/tool").c_str(), 0755);
  std::filesystem::create_symlink("/etc/passwd", directory_ / "root/link");
  ::mkfifo((directory_ / "root/fifo").c_str(), 0600);
  const ImageInfo first = must(store_->import(directory_ / "root", "dir"));
  EXPECT_EQ(readText(layer("dir") + "/bin/tool"), "tool");
  EXPECT_EQ(std::filesystem::read_symlink(layer("dir") + "/link"), "/etc/passwd");
  EXPECT_FALSE(exists(layer("dir") + "/fifo"));
  EXPECT_EQ(must(store_->import(directory_ / "root", "again")).digest, first.digest);
  writeText(directory_ / "root/bin/tool", "changed");
  EXPECT_NE(must(store_->import(directory_ / "root", "dir")).digest, first.digest);
  EXPECT_EQ(readText(layer("again") + "/bin/tool"), "tool") << "the old content stays";
}

// In a user namespace with one id, as a daemon without root works.
TEST(RootlessImportTest, AnOrdinaryUserCanImport) {
  const TempDirectory directory;
  ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
  writeText(directory / "archive",
            TarWriter()
                .directory("locked", 0)
                .add({.name = "locked/file", .content = "x", .mode = 0, .uid = 1234})
                .file("a/.wh.gone", "")
                .file("b/.wh..wh..opq", "")
                .finish());
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr unsigned kUser = 65534;
    if (::geteuid() == 0 && (::setgid(kUser) != 0 || ::setuid(kUser) != 0)) {
      ::_exit(100);
    }
    if (::access(AK_BIN_DIR "/../tests/ak-unpack-test", X_OK) != 0) {
      ::_exit(101);
    }
    if (::unshare(CLONE_NEWUSER) != 0) {
      ::_exit(102);
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) != 0) {
    GTEST_SKIP() << "no ordinary user can make a user namespace and reach the build here";
  }
  const pid_t importer = ::fork();
  if (importer == 0) {
    constexpr unsigned kUser = 65534;
    if (::geteuid() == 0 && (::setgid(kUser) != 0 || ::setuid(kUser) != 0)) {
      ::_exit(100);
    }
    const auto store = ImageStore::open(storeOptions(directory / "store"));
    const auto info = store ? (*store)->import(directory / "archive", "mine")
                            : Result<ImageInfo>(std::unexpected(store.error()));
    if (!info) {
      std::fprintf(stderr, "%s\n", info.error().message.c_str());
      ::_exit(1);
    }
    const std::string root = (*store)->resolve("mine")->root.layers[0].path;
    struct stat whiteout{};
    char mark = 0;
    const bool right = readText(root + "/locked/file") == "x" &&
                       ::lstat((root + "/a/gone").c_str(), &whiteout) == 0 &&
                       S_ISCHR(whiteout.st_mode) && whiteout.st_rdev == 0 &&
                       ::getxattr((root + "/b").c_str(), "user.overlay.opaque", &mark, 1) == 1;
    const bool removed = (*store)->remove("mine", {}).has_value() && !exists(root);
    ::_exit(right && removed ? 0 : 2);
  }
  ASSERT_EQ(::waitpid(importer, &status, 0), importer);
  EXPECT_EQ(status, 0);
}

TEST_F(ImportTest, ImportSurvivesAKillAtAnyTime) {
  TarWriter tar;
  for (int i = 0; i < 3000; ++i) {
    tar.file(cat("d", i % 50, "/f", i), std::string(3000, 'x'));
  }
  writeText(directory_ / "archive", tar.finish());
  store_.reset();
  int finished = 0;
  for (int delay_us = 500; delay_us < 400'000 && finished == 0; delay_us *= 5) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = ImageStore::open(options_);
      ::_exit(store && (*store)->import(directory_ / "archive", "killed") ? 0 : 1);
    }
    ::usleep(static_cast<useconds_t>(delay_us));  // not synchronisation: any instant will do
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    finished = WIFEXITED(status) ? 1 : 0;
    // The helper dies with its caller, a moment later: it must not fill the next staging.
    store_ = openStore(options_);
    const auto images = must(store_->list());
    if (!images.empty()) {
      EXPECT_EQ(readText(layer("killed") + "/d7/f7"), std::string(3000, 'x'));
    }
    store_.reset();
  }
  store_ = openStore(options_);
  must(store_->import(directory_ / "archive", "killed"));
  EXPECT_EQ(readText(layer("killed") + "/d49/f2999"), std::string(3000, 'x'));
  store_.reset();
  store_ = openStore(options_);
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "store/staging"));
}

}  // namespace
}  // namespace ak::image
