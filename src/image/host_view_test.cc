#include <sys/stat.h>

#include <chrono>
#include <set>

#include "image/test_support.h"

namespace ak::image {
namespace {

using testing::exists;
using testing::must;
using testing::openStore;
using testing::readText;
using testing::storeOptions;
using testing::TempDirectory;
using testing::writeText;

// A small machine: merged /usr, a few tools, things that must stay here.
class FakeHost {
 public:
  FakeHost() {
    program("usr/bin/tool");
    program("usr/bin/python3.11");
    link("python3.11", "usr/bin/python3");
    link("usr/bin", "bin");
    link("/etc/alternatives/editor", "usr/bin/editor");
    link("/usr/bin/tool", "etc/alternatives/editor");
    link("/root/.pyenv/bin/python", "usr/bin/python-of-root");
    program("root/.pyenv/bin/python");
    link("loop", "usr/bin/loop");
    writeText(root_ / "usr/bin/plain", "not executable");
    script("usr/bin/good-script", "#!/usr/bin/tool -x\n");
    script("usr/bin/bad-script", "#! /opt/secret/bin/perl\n");
    writeText(root_ / "etc/shadow", "root:secret");
    writeText(root_ / "etc/machine-id", "0123");
    writeText(root_ / "etc/ssl/private/key.pem", "secret");
    writeText(root_ / "etc/ssl/certs/ca.crt", "certificate");
    writeText(root_ / "etc/ssl/certs/own.key", "secret");
    ::chmod((root_ / "etc/ssl/certs/own.key").c_str(), 0600);
    writeText(root_ / "etc/os-release", "ID=test\n");
    writeText(root_ / "etc/python3.11/sitecustomize.py", "");
    writeText(root_ / "etc/resolv.conf",
              "search corp.example\nnameserver 127.0.0.53\nnameserver 192.0.2.1\n");
  }

  void program(std::string_view path) {
    script(path,
           "\x7f"
           "ELF");
  }

  void script(std::string_view path, std::string_view text) {
    writeText(root_ / path, text);
    ::chmod((root_ / path).c_str(), 0755);
  }

  void link(const char* target, std::string_view path) {
    std::filesystem::create_directories(std::filesystem::path(root_ / path).parent_path());
    std::filesystem::create_symlink(target, root_ / path);
  }

  const TempDirectory& root() const { return root_; }

 private:
  TempDirectory root_;
};

class HostViewTest : public ::testing::Test {
 protected:
  ImageStore::Options options() const {
    ImageStore::Options options = storeOptions(directory_ / "store");
    options.host_root = host_.root().path();
    return options;
  }

  FakeHost host_;
  TempDirectory directory_;
};

TEST_F(HostViewTest, SkeletonHoldsTheAllowListAndNothingSecret) {
  const auto store = openStore(options());
  const ResolvedImage image = must(store->resolve("host"));
  ASSERT_EQ(image.root.layers.size(), 1U);
  const std::string root = image.root.layers[0].path;
  EXPECT_EQ(readText(root + "/etc/os-release"), "ID=test\n");
  EXPECT_EQ(readText(root + "/etc/ssl/certs/ca.crt"), "certificate");
  EXPECT_EQ(readText(root + "/etc/resolv.conf"), "nameserver 192.0.2.1\n");
  EXPECT_TRUE(exists(root + "/etc/python3.11/sitecustomize.py"));
  EXPECT_TRUE(readText(root + "/etc/passwd").starts_with("root:x:0:0:"));
  EXPECT_EQ(std::filesystem::read_symlink(root + "/bin"), "usr/bin");
  for (const char* secret : {"/etc/shadow", "/etc/machine-id", "/etc/ssl/private",
                             "/etc/ssl/certs/own.key", "/root/.pyenv", "/usr/bin"}) {
    EXPECT_FALSE(exists(root + secret)) << secret;
  }
  struct stat info{};
  ASSERT_EQ(::stat((root + "/tmp").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 01777U);
  ASSERT_EQ(::stat((root + "/root").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
}

TEST_F(HostViewTest, BindsUsrAndUnmergedDirectoriesByInode) {
  std::filesystem::create_directory(host_.root() / "lib");
  const auto store = openStore(options());
  const ResolvedImage image = must(store->resolve("host"));
  ASSERT_EQ(image.root.binds.size(), 2U);
  EXPECT_EQ(image.root.binds[0].target, "/usr");
  EXPECT_EQ(image.root.binds[1].target, "/lib");
  struct stat info{};
  ASSERT_EQ(::stat((host_.root() / "usr").c_str(), &info), 0);
  EXPECT_EQ(image.root.binds[0].source.inode, info.st_ino);
  EXPECT_EQ(image.root.binds[0].source.device, info.st_dev);
}

TEST_F(HostViewTest, CommandsAreLookedUpInsideTheView) {
  const auto store = openStore(options());
  for (const char* visible :
       {"tool", "python3", "editor", "good-script", "/usr/bin/tool", "/bin/python3"}) {
    EXPECT_TRUE(store->hostHasCommand(visible)) << visible;
  }
  for (const char* hidden :
       {"python-of-root", "loop", "plain", "bad-script", "missing", "", "./tool",
        "/root/.pyenv/bin/python", "/usr", "../bin/tool", "/proc/self/exe"}) {
    EXPECT_FALSE(store->hostHasCommand(hidden)) << hidden;
  }
}

TEST_F(HostViewTest, ChangedInputMakesANewSkeletonAndPruneTakesTheOld) {
  const auto store = openStore(options());
  const ResolvedImage before = must(store->resolve("host"));
  EXPECT_EQ(must(store->resolve("host")).digest, before.digest);
  writeText(host_.root() / "etc/ssl/certs/ca.crt", "another certificate");
  const ResolvedImage after = must(store->resolve("host"));
  EXPECT_NE(after.digest, before.digest);
  EXPECT_EQ(readText(after.root.layers[0].path + "/etc/ssl/certs/ca.crt"), "another certificate");

  must(store->prune({before.digest}));
  EXPECT_TRUE(exists(before.root.layers[0].path)) << "a sandbox uses it";
  const PruneResult pruned = must(store->prune({}));
  EXPECT_GT(pruned.freed_bytes, 0U);
  EXPECT_FALSE(exists(before.root.layers[0].path));
  EXPECT_TRUE(exists(after.root.layers[0].path));
}

TEST_F(HostViewTest, EveryChangeIsSeenByTheVeryNextLook) {
  auto store = openStore(options());
  const auto layer = [&] { return must(store->resolve("host")).digest; };
  const std::string first = layer();
  EXPECT_EQ(layer(), first);
  // In place, by rename, a new name in a directory, and a directory that was not there.
  std::filesystem::resize_file(host_.root() / "etc/ssl/certs/ca.crt", 3);
  const std::string second = layer();
  EXPECT_NE(second, first);
  writeText(host_.root() / "etc/os-release.new", "ID=other\n");
  std::filesystem::rename(host_.root() / "etc/os-release.new", host_.root() / "etc/os-release");
  const std::string third = layer();
  EXPECT_NE(third, second);
  writeText(host_.root() / "etc/ssl/certs/new.crt", "certificate");
  const std::string fourth = layer();
  EXPECT_NE(fourth, third);
  writeText(host_.root() / "etc/ld.so.conf.d/new.conf", "/usr/lib/new");
  const std::string fifth = layer();
  EXPECT_NE(fifth, fourth);
  std::filesystem::resize_file(host_.root() / "etc/ld.so.conf.d/new.conf", 4);
  EXPECT_NE(layer(), fifth);
}

TEST_F(HostViewTest, AnotherProcessFindsTheSameSkeleton) {
  const std::string digest = must(openStore(options())->resolve("host")).digest;
  const auto store = openStore(options());
  // Not yet resolved in this process, and nevertheless not pruned.
  must(store->prune({}));
  const ResolvedImage image = must(store->resolve("host"));
  EXPECT_EQ(image.digest, digest);
  EXPECT_TRUE(exists(image.root.layers[0].path + "/etc/passwd"));
}

TEST(RealHostViewTest, ThisMachineCanRunAShell) {
  const TempDirectory directory;
  const auto store = openStore(storeOptions(directory / "store"));
  const ResolvedImage image = must(store->resolve("host"));
  ASSERT_FALSE(image.root.layers.empty());
  EXPECT_TRUE(store->hostHasCommand("sh"));
  EXPECT_FALSE(exists(image.root.layers[0].path + "/etc/shadow"));
  EXPECT_FALSE(exists(image.root.layers[0].path + "/etc/ssh"));

  const auto start = std::chrono::steady_clock::now();
  constexpr int kRounds = 50;
  for (int i = 0; i < kRounds; ++i) {
    must(store->resolve("host"));
  }
  const auto took = (std::chrono::steady_clock::now() - start) / kRounds;
  RecordProperty(
      "resolve_us",
      static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

}  // namespace
}  // namespace ak::image
