// Disk limits of named sandboxes, through the real programs, on both file systems that there are:
// one with project quotas, and one without, where the layer is an image behind a loop device.
#include <poll.h>
#include <sys/mount.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "cli/testing/program.h"
#include "client/testing/scripted_server.h"
#include "sys/file.h"
#include "sys/process.h"

namespace ak::security {
namespace {

using cli::testing::Finished;
using cli::testing::Program;
using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

enum class Means { Loop, ProjectQuota };

constexpr const char* kUntilFull =
    "dd if=/dev/zero of=/root/big bs=64k 2>/dev/null; stat -c %s /root/big";

class DiskTest : public ::testing::TestWithParam<Means> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "needs root";
    }
    if (::access("/dev/loop-control", F_OK) != 0) {
      GTEST_SKIP() << "no loop devices here";
    }
    ASSERT_TRUE(sys::makePrivateDirectory(directory_.path() + "/run"));
    ASSERT_TRUE(sys::makePrivateDirectory(directory_.path() + "/state"));
    ASSERT_TRUE(sys::makePrivateDirectory(directory_.path() + "/project"));
    if (GetParam() == Means::ProjectQuota) {
      const std::string image = directory_.path() + "/quota.ext4";
      shell(cat("truncate -s 256M ", image, " && mke2fs -q -F -t ext4 -O project,quota ", image));
      const Finished mounted = shell(cat("mount -o loop,prjquota ", image, " ", state()));
      if (mounted.status != 0) {
        GTEST_SKIP() << "no project quotas in this kernel: " << mounted.err;
      }
      mounted_ = true;
    }
  }

  void TearDown() override {
    if (IsSkipped()) {
      return;
    }
    for (const char* name : {"full", "other"}) {
      agentkernel({"rm", name});
    }
    agentkernel({"volume", "rm", "--force", "vol"});
    agentkernel({"daemon", "stop"});
    EXPECT_TRUE(nothingLeft()) << shell("losetup -a").out;
    if (mounted_) {
      EXPECT_EQ(::umount2(state().c_str(), 0), 0) << errnoText(errno);
    }
  }

  std::string state() const { return directory_.path() + "/state"; }

  std::string project() const { return directory_.path() + "/project"; }

  static Finished shell(const std::string& text) {
    return Program({"/bin/sh", "-c", text}, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}).finish();
  }

  Finished agentkernel(Words words) const {
    Words all{"/usr/bin/env", "-C", project(), AK_BIN_DIR "/agentkernel"};
    all.insert(all.end(), words.begin(), words.end());
    return Program(all, {"HOME=" + directory_.path(), "PATH=/usr/bin:/bin",
                         "XDG_RUNTIME_DIR=" + directory_.path() + "/run",
                         "AGENTKERNEL_STATE_DIR=" + state()})
        .finish();
  }

  Finished run(const std::string& script, const std::string& disk = "16M") const {
    return agentkernel({"run", "--keep", "--name", "full", "--image", "host", "--disk", disk, "--",
                        "sh", "-c", script});
  }

  Finished exec(const std::string& script) const {
    return agentkernel({"exec", "full", "--", "sh", "-c", script});
  }

  std::string inspect(const std::string& key) const {
    const Finished shown = agentkernel({"inspect", "full"});
    for (const std::string_view line : split(shown.out, '\n')) {
      if (line.starts_with(cat(key, ": "))) {
        return std::string(line.substr(key.size() + 2));
      }
    }
    return shown.out + shown.err;
  }

  // What the sandboxes take of the host, in bytes.
  std::uint64_t hostUsage() const {
    const Finished used = shell(cat("du -sk ", state(), "/sandboxes | cut -f1"));
    return parseNumber<std::uint64_t>(trim(used.out)).value_or(UINT64_MAX) * 1024;
  }

  // No loop device of this test's sandboxes and volumes. The kernel frees them on its own time.
  bool nothingLeft() const {
    for (int tried = 0; tried < 500; ++tried) {
      if (!shell("losetup -a").out.contains(state() + "/")) {
        return !shell("cat /proc/self/mountinfo").out.contains(state() + "/");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // polls: not synchronisation
    }
    return false;
  }

  void killProgram(const std::string& name) const {
    const auto pids = shell(cat("grep -lsz -- '", directory_.path(), "' /proc/[0-9]*/environ ",
                                "/proc/[0-9]*/cmdline | cut -d/ -f3 | sort -u"));
    for (const std::string_view pid : split(trim(pids.out), '\n')) {
      std::error_code gone;
      const std::string program = fs::read_symlink(cat("/proc/", pid, "/exe"), gone).filename();
      const auto process = sys::openPidFd(parseNumber<pid_t>(pid).value_or(0));
      if (process && program == name) {
        ASSERT_TRUE(sys::signalPidFd(process->get(), SIGKILL));
        pollfd gone_now{process->get(), POLLIN, 0};
        ASSERT_EQ(::poll(&gone_now, 1, 10'000), 1);
      }
    }
  }

 private:
  client::testing::TemporaryDirectory directory_;
  bool mounted_ = false;
};

TEST_P(DiskTest, BytesEndAtTheLimitAndTheHostIsBounded) {
  const Finished bomb = run(kUntilFull);
  ASSERT_EQ(bomb.status, 0) << bomb.err;
  const auto written = parseNumber<std::uint64_t>(trim(bomb.out)).value_or(0);
  EXPECT_GT(written, 10U << 20U) << bomb.out;
  EXPECT_LE(written, 16U << 20U);
  EXPECT_LE(hostUsage(), 17U << 20U);
  EXPECT_EQ(inspect("limits.disk.by"), GetParam() == Means::Loop ? "loop" : "project quota");
  // The project's layer counts too, and nobody else notices.
  EXPECT_NE(exec("dd if=/dev/zero of=/workspace/more bs=1M count=4").status, 0);
  const Finished other = agentkernel({"run", "--keep", "--name", "other", "--image", "host", "--",
                                      "sh", "-c", "dd if=/dev/zero of=/root/x bs=1M count=20"});
  EXPECT_EQ(other.status, 0) << other.err;
  // Whom nobody limited says that.
  const Finished unlimited = agentkernel({"inspect", "other"});
  EXPECT_THAT(unlimited.out, HasSubstr("limits.disk.by: none\nlimits.disk.remedy: "));
}

TEST_P(DiskTest, FilesEndAtTheLimit) {
  const Finished bomb =
      run("cd /root; i=0; while true > f$i; do i=$((i+1)); done 2>/dev/null; echo $i");
  const auto made = parseNumber<std::uint32_t>(trim(bomb.out)).value_or(0);
  EXPECT_GT(made, 1000U) << bomb.err;
  EXPECT_LE(made, 2048U);
}

TEST_P(DiskTest, AForkHasRoomOfItsOwn) {
  ASSERT_EQ(run("dd if=/dev/zero of=/root/ten bs=1M count=10; echo precious > /root/mark").status,
            0);
  ASSERT_EQ(agentkernel({"stop", "full"}).status, 0);
  const Finished forked = agentkernel({"fork", "--start", "full", "other"});
  ASSERT_EQ(forked.status, 0) << forked.err;
  const auto in_other = [this](const std::string& script) {
    return agentkernel({"exec", "other", "--", "sh", "-c", script});
  };
  EXPECT_EQ(in_other("dd if=/dev/zero of=/root/own bs=1M count=8").status, 0);
  EXPECT_NE(in_other("dd if=/dev/zero of=/root/more bs=1M count=8").status, 0);
  EXPECT_EQ(in_other("cat /root/mark; stat -c %s /root/ten").out, "precious\n10485760\n");
  ASSERT_EQ(agentkernel({"start", "full"}).status, 0);
  EXPECT_NE(exec("dd if=/dev/zero of=/root/big bs=1M count=20").status, 0);
  EXPECT_EQ(exec("rm /root/big; cat /root/mark").out, "precious\n");
  // Its files outlive it, and so does the number that they are charged to: the next one's is fresh.
  ASSERT_EQ(agentkernel({"rm", "full"}).status, 0);
  const Finished next = run("dd if=/dev/zero of=/root/x bs=1M count=8");
  EXPECT_EQ(next.status, 0) << next.err;
  EXPECT_EQ(in_other("cat /root/mark; stat -c %s /root/ten").out, "precious\n10485760\n");
  ASSERT_EQ(agentkernel({"rm", "other"}).status, 0);
  EXPECT_EQ(shell(cat("ls ", state(), "/layers")).out, "");
}

TEST_P(DiskTest, ItSurvivesStopAndStart) {
  ASSERT_EQ(run("echo precious > /root/mark").status, 0);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(agentkernel({"stop", "full"}).status, 0);
    const Finished started = agentkernel({"start", "full"});
    ASSERT_EQ(started.status, 0) << started.err;
    EXPECT_EQ(exec("cat /root/mark").out, "precious\n");
  }
  EXPECT_NE(exec("dd if=/dev/zero of=/root/big bs=1M count=20").status, 0);
}

TEST_P(DiskTest, WhatWasWrittenIsReadAppliedAndDiscardedRunningAndStopped) {
  ASSERT_EQ(run("echo new > a; echo new > b").status, 0);
  EXPECT_THAT(agentkernel({"diff", "full"}).out, HasSubstr("+new"));
  ASSERT_EQ(agentkernel({"stop", "full"}).status, 0);
  EXPECT_THAT(agentkernel({"diff", "full"}).out, HasSubstr("b/b"));
  const Finished applied = agentkernel({"apply", "full", "a"});
  EXPECT_EQ(applied.status, 0) << applied.err;
  EXPECT_EQ(*sys::readFile(project() + "/a", 100), "new\n");
  EXPECT_EQ(agentkernel({"discard", "full", "b"}).status, 0);
  EXPECT_EQ(agentkernel({"diff", "full"}).out, "");
  EXPECT_TRUE(nothingLeft()) << "a stopped sandbox holds no device";
  ASSERT_EQ(agentkernel({"start", "full"}).status, 0);
  EXPECT_EQ(exec("cat a; ls b 2>&1").out.substr(0, 4), "new\n");
  EXPECT_THAT(exec("ls").out, Not(HasSubstr("b\n")));
}

TEST_P(DiskTest, KilledProgramsLeaveNoDeviceAndNoMount) {
  for (const char* victim : {"ak-launcher", "agentkerneld"}) {
    ASSERT_EQ(run("echo precious > /root/mark").status, 0) << victim;
    killProgram(victim);
    EXPECT_EQ(exec("cat /root/mark").out, "precious\n") << victim;
    const Finished stopped = agentkernel({"stop", "full"});
    EXPECT_EQ(stopped.status, 0) << stopped.err;
    EXPECT_TRUE(nothingLeft()) << victim;
    ASSERT_EQ(agentkernel({"start", "full"}).status, 0);
    EXPECT_EQ(exec("cat /root/mark").out, "precious\n") << victim;
    killProgram(victim);
    const Finished removed = agentkernel({"rm", "full"});
    EXPECT_EQ(removed.status, 0) << removed.err;
    EXPECT_TRUE(nothingLeft()) << victim;
    EXPECT_LE(hostUsage(), 1U << 20U) << "rm gives the space back";
  }
}

// FS_IOC_FSSETXATTR with another project would take a file out of the count.
TEST_P(DiskTest, TheGuestCannotLeaveItsProject) {
  const Finished tried =
      run("perl -e 'open F, \"+>\", \"/root/f\" or die; $b = \"\\0\" x 28; "
          "ioctl(F, 0x801c581f, $b) or die \"get: $!\"; substr($b, 12, 4) = pack(\"L\", 77); "
          "print ioctl(F, 0x401c5820, $b) ? \"WORKED\" : \"blocked\"'");
  EXPECT_EQ(tried.out, "blocked") << tried.err;
}

// The same of a volume, which several sandboxes fill together.
class VolumeDiskTest : public DiskTest {
 protected:
  void SetUp() override {
    DiskTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) {
      const Finished made = agentkernel({"volume", "create", "--size", "16M", "vol"});
      ASSERT_EQ(made.status, 0) << made.err;
    }
  }

  Finished with(const std::string& script, const std::string& volume = "vol:/data") const {
    return agentkernel({"run", "--mount", "none", "--volume", volume, "--", "sh", "-c", script});
  }

  std::string shown(const std::string& key) const {
    const std::string all = agentkernel({"volume", "inspect", "vol"}).out;
    for (const std::string_view line : split(all, '\n')) {
      if (line.starts_with(cat(key, ": "))) {
        return std::string(line.substr(key.size() + 2));
      }
    }
    return all;
  }
};

TEST_P(VolumeDiskTest, SandboxesTogetherEndAtItsSize) {
  EXPECT_EQ(shown("limited_by"), GetParam() == Means::Loop ? "loop" : "project quota");
  EXPECT_EQ(with("ls -A /data").out, "") << "a fresh volume is empty";
  for (const char* name : {"full", "other"}) {
    const Finished made = agentkernel({"create", "--mount", "none", "--volume", "vol:/data", name});
    ASSERT_EQ(made.status, 0) << made.err;
  }
  ASSERT_EQ(exec("dd if=/dev/zero of=/data/ten bs=1M count=10").status, 0);
  const auto in_other = [this](const std::string& script) {
    return agentkernel({"exec", "other", "--", "sh", "-c", script});
  };
  EXPECT_NE(in_other("dd if=/dev/zero of=/data/more bs=1M count=10").status, 0);
  EXPECT_EQ(in_other("stat -c %s /data/ten; rm /data/more").out, "10485760\n");
  const auto used = parseNumber<std::uint64_t>(shown("used_bytes")).value_or(0);
  EXPECT_GE(used, 10U << 20U);
  EXPECT_LE(used, 16U << 20U);
  // For reading only in one, while the other writes to the same file system.
  EXPECT_NE(with("echo x > /data/x", "vol:/data:ro").status, 0);
  EXPECT_EQ(in_other("echo x > /data/x && cat /data/x").out, "x\n");
  EXPECT_EQ(with("cat /data/x", "vol:/data:ro").out, "x\n");
}

TEST_P(VolumeDiskTest, FilesEndAtItsSizeToo) {
  const Finished bomb =
      with("cd /data; i=0; while true > f$i; do i=$((i+1)); done 2>/dev/null; echo $i");
  const auto made = parseNumber<std::uint32_t>(trim(bomb.out)).value_or(0);
  EXPECT_GT(made, 1000U) << bomb.err;
  EXPECT_LE(made, 2048U);
}

TEST_P(VolumeDiskTest, ItOutlivesSandboxesAndKilledProgramsAndLeavesNothing) {
  ASSERT_EQ(with("echo precious > /data/f").status, 0);
  EXPECT_TRUE(nothingLeft()) << "a volume that nobody shows holds no device";
  ASSERT_EQ(agentkernel({"create", "--mount", "none", "--volume", "vol:/data", "full"}).status, 0);
  for (const char* victim : {"ak-launcher", "agentkerneld"}) {
    killProgram(victim);
    EXPECT_EQ(exec("cat /data/f").out, "precious\n") << victim;
  }
  ASSERT_EQ(agentkernel({"stop", "full"}).status, 0);
  EXPECT_TRUE(nothingLeft());
  ASSERT_EQ(agentkernel({"start", "full"}).status, 0);
  EXPECT_EQ(exec("cat /data/f").out, "precious\n");
  ASSERT_EQ(agentkernel({"rm", "full"}).status, 0);
  ASSERT_EQ(agentkernel({"volume", "rm", "vol"}).status, 0);
  EXPECT_EQ(shell(cat("ls ", state(), "/volumes")).out, "");
}

INSTANTIATE_TEST_SUITE_P(Means,
                         VolumeDiskTest,
                         ::testing::Values(Means::Loop, Means::ProjectQuota),
                         [](const auto& info) {
                           return std::string(info.param == Means::Loop ? "Loop" : "ProjectQuota");
                         });

INSTANTIATE_TEST_SUITE_P(Means,
                         DiskTest,
                         ::testing::Values(Means::Loop, Means::ProjectQuota),
                         [](const auto& info) {
                           return std::string(info.param == Means::Loop ? "Loop" : "ProjectQuota");
                         });

}  // namespace
}  // namespace ak::security
