// Files into a sandbox and out of it, from the command line.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "crypto/sha256.h"
#include "scratch_home.h"

namespace ak::e2e {
namespace {

using nlohmann::json;

class CopyTest : public ScratchHome {
 protected:
  void SetUp() override {
    ScratchHome::SetUp();
    if (!IsSkipped()) {
      const Finished made = agentkernel({"create", "--mount", "none", "box"});
      ASSERT_EQ(made.status, 0) << made.err;
    }
  }

  void TearDown() override {
    agentkernel({"rm", "box"});
    ScratchHome::TearDown();
  }

  std::string at(const std::string& name) const { return home() + "/" + name; }

  void copy(const std::string& from, const std::string& to, int status = 0) const {
    const Finished finished = agentkernel({"cp", from, to});
    EXPECT_EQ(finished.status, status) << from << " " << to << ": " << finished.err;
    EXPECT_EQ(finished.out, "");
  }

  std::string inside(const std::string& text) const {
    return agentkernel({"exec", "box", "sh", "-c", text}).out;
  }

  std::string read(const std::string& name) const {
    return sys::readFile(at(name), 1 << 24).value_or("(none)");
  }
};

TEST_F(CopyTest, BinaryFilesComeBackAsTheyWere) {
  for (const std::size_t size : {0UL, 1UL, 65'536UL, 3'000'001UL}) {
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
      content[i] = static_cast<char>(i * 31 + i / 251);
    }
    write(at("in"), content);
    copy(at("in"), "box:/tmp/it");
    copy("box:/tmp/it", at("out"));
    EXPECT_TRUE(read("out") == content) << size;
  }
}

TEST_F(CopyTest, NamesFollowCp) {
  write(at("a.txt"), "text");
  copy(at("a.txt"), "box:/tmp");
  copy(at("a.txt"), "box:/tmp/b.txt");
  copy(at("a.txt"), "box:/tmp/none/", 125);
  copy(at("a.txt"), "box:/none/a.txt", 125);
  EXPECT_EQ(inside("cd /tmp; cat a.txt b.txt; ls"), "texttexta.txt\nb.txt\n");
  ASSERT_TRUE(sys::makePrivateDirectory(at("d")));
  copy("box:/tmp/a.txt", at("d"));
  copy("box:/tmp/a.txt", at("d/c.txt"));
  copy("box:/tmp/a.txt", at("none/"), 125);
  copy("box:/tmp/none", at("d"), 125);
  EXPECT_EQ(read("d/a.txt"), "text");
  EXPECT_EQ(read("d/c.txt"), "text");
}

TEST_F(CopyTest, StandardStreamsAreFilesToo) {
  const std::string content("\0\xff raw\n", 7);
  EXPECT_EQ(agentkernel({"cp", "-", "box:/tmp/x"}, content).status, 0);
  EXPECT_EQ(agentkernel({"cp", "box:/tmp/x", "-"}).out, content);
}

TEST_F(CopyTest, TreesKeepNamesModesAndLinks) {
  const std::string tree = at("tree");
  std::filesystem::create_directories(tree + "/a b/\xc3\xbc");
  std::filesystem::create_directories(tree + "/empty");
  for (const std::string& name :
       {std::string("%41?#&+=.txt"), std::string("new\nline"), std::string("\xff\xfe"),
        std::string("-"), std::string("..x"), std::string("\x1b[31m"), std::string(255, 'n')}) {
    write(tree + "/a b/\xc3\xbc/" + name, name);
  }
  write(tree + "/run.sh", "#!/bin/sh\n");
  ASSERT_EQ(::chmod((tree + "/run.sh").c_str(), 0750), 0);
  ASSERT_EQ(::chmod((tree + "/empty").c_str(), 0700), 0);
  std::filesystem::create_symlink("a b/\xc3\xbc", tree + "/in");
  std::filesystem::create_symlink("../run.sh", tree + "/empty/up");
  copy(tree, "box:/tmp");
  copy("box:/tmp/tree", at("back"));
  copy("box:/tmp/tree/.", at("back"));  // again, into what is there
  const std::string differ = cat("diff -r --no-dereference ", tree, " ", at("back"));
  EXPECT_EQ(std::system(differ.c_str()), 0);
  struct stat info{};
  ASSERT_EQ(::stat(at("back/run.sh").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0750U);
  ASSERT_EQ(::stat(at("back/empty").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(CopyTest, WhatIsNoFileIsLeftOutAndTold) {
  const std::string tree = at("tree");
  std::filesystem::create_directory(tree);
  write(tree + "/file", "x");
  ASSERT_EQ(::mkfifo((tree + "/fifo").c_str(), 0600), 0);
  const Finished finished = agentkernel({"cp", tree, "box:/tmp"});
  EXPECT_EQ(finished.status, 1);
  EXPECT_NE(finished.err.find("left out"), std::string::npos) << finished.err;
  EXPECT_EQ(inside("ls /tmp/tree"), "file\n");
}

// Memory of the process that the CLI names, at its highest.
std::uint64_t peakKib(int pid) {
  std::ifstream status(cat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::stoull(line.substr(6));
    }
  }
  return 0;
}

TEST_F(CopyTest, AHundredMegabytesCostTheDaemonNoMemory) {
  const json status = json::parse(agentkernel({"daemon", "status", "--json"}).out);
  const int pid = status["pid"];
  const std::uint64_t before = peakKib(pid);
  ASSERT_GT(before, 0U);
  const std::string made = cat("head -c 100000000 /dev/urandom > ", at("big"));
  ASSERT_EQ(std::system(made.c_str()), 0);
  copy(at("big"), "box:/tmp/big");
  copy("box:/tmp/big", at("big2"));
  EXPECT_EQ(std::system(cat("cmp ", at("big"), " ", at("big2")).c_str()), 0);
  EXPECT_LT(peakKib(pid) - before, 8U * 1024) << "of " << before;
}

TEST_F(CopyTest, AnInterruptedCopyLeavesTheOldFile) {
  write(at("old"), "old");
  copy(at("old"), "box:/tmp/x");
  Program program = start({"cp", "-", "box:/tmp/x"});
  ASSERT_TRUE(sys::writeAll(program.input(), std::string(100'000, 'n')));
  // It is under way when the agent has its temporary file.
  std::string listing;
  for (int i = 0; i < 200 && listing.find(".ak-write-") == std::string::npos; ++i) {
    listing = inside("ls -A /tmp");
  }
  ASSERT_NE(listing.find(".ak-write-"), std::string::npos);
  program.signal(SIGINT);
  std::string nothing;
  EXPECT_FALSE(readUntil(program.output(), "anything", nothing)) << "it has ended";
  EXPECT_EQ(program.finish().status, 130);
  for (int i = 0; i < 200 && listing != "x\n"; ++i) {
    listing = inside("ls -A /tmp");
  }
  EXPECT_EQ(listing, "x\n");
  EXPECT_EQ(inside("cat /tmp/x"), "old");
}

TEST_F(CopyTest, AStoppedSandboxSaysSo) {
  ASSERT_EQ(agentkernel({"stop", "box"}).status, 0);
  const Finished finished = agentkernel({"cp", "box:/etc/hostname", "-"});
  EXPECT_EQ(finished.status, 125);
  EXPECT_NE(finished.err.find("agentkernel start box"), std::string::npos) << finished.err;
}

}  // namespace
}  // namespace ak::e2e
