// What a box sees from inside, and what it is refused.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/text.h"
#include "launch/launcher_fixture.h"
#include "sys/file.h"

namespace ak::launch {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(LauncherTest, ABoxSeesItselfAndNothingElse) {
  LauncherHarness launcher({});
  const auto spec = launcher.spec();
  const auto started = launcher.start(spec, launcher.identity());
  ASSERT_TRUE(started.ok()) << started.reply.error.message;
  const std::string status = launcher.ask(spec.id, "read /proc/1/status");
  EXPECT_THAT(status, HasSubstr("Pid:\t1\n"));
  EXPECT_THAT(status, HasSubstr("Uid:\t0\t0\t0\t0"));
  EXPECT_THAT(status, HasSubstr("CapInh:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("CapPrm:\t00000000000000eb"));
  EXPECT_THAT(status, HasSubstr("CapEff:\t00000000000000eb"));
  EXPECT_THAT(status, HasSubstr("CapBnd:\t00000000000000eb"));
  EXPECT_THAT(status, HasSubstr("CapAmb:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(status, HasSubstr("Seccomp:\t2"));
  if (root()) {
    EXPECT_THAT(launcher.ask(spec.id, "read /proc/self/uid_map"),
                HasSubstr("2000000000      65536"));
  }
  EXPECT_EQ(launcher.ask(spec.id, "hostname"), "probe");
  EXPECT_THAT(launcher.ask(spec.id, "userns"), Not("ok"));
  // Without root the kernel maps no ids of a mount: what belongs to the host's root is nobody's.
  EXPECT_EQ(launcher.ask(spec.id, "owner /usr/bin"), root() ? "0:0" : "65534:65534");
  EXPECT_THAT(launcher.ask(spec.id, "read /proc/net/dev"), HasSubstr("lo:"));
}

TEST_F(LauncherTest, TheHostIsGone) {
  LauncherHarness launcher({});
  const auto spec = launcher.spec();
  ASSERT_TRUE(launcher.start(spec, launcher.identity()).ok());
  const std::string mounts = launcher.ask(spec.id, "read /proc/self/mountinfo");
  EXPECT_THAT(mounts, Not(HasSubstr("ak-launch")));
  EXPECT_THAT(mounts, Not(HasSubstr("sysfs")));
  EXPECT_THAT(mounts, Not(HasSubstr("/scratch")));
  EXPECT_EQ(launcher.ask(spec.id, "list /sys"), "No such file or directory");
  // Everything with files of an image or project is nosuid and nodev; devices are bound alone.
  for (const std::string_view line : split(mounts, '\n')) {
    if (!line.empty()) {
      EXPECT_THAT(std::string(line), HasSubstr("nosuid"));
    }
    if (line.find(" ext4 ") != std::string_view::npos) {
      EXPECT_THAT(std::string(line), HasSubstr("nodev"));
      EXPECT_THAT(std::string(line), HasSubstr("ro,"));
    }
  }
  // 5 is the count of memory kills, the next one the connection of this very question.
  const std::string fds = cat(" ", launcher.ask(spec.id, "list /proc/self/fd"));
  for (const char* fd : {" 7 ", " 8 ", " 9 ", " 10 "}) {
    EXPECT_THAT(fds, Not(HasSubstr(fd)));
  }
}

TEST_F(LauncherTest, ProcIsMaskedAndReadOnlyWhereItMatters) {
  LauncherHarness launcher({});
  const auto spec = launcher.spec();
  ASSERT_TRUE(launcher.start(spec, launcher.identity()).ok());
  EXPECT_EQ(launcher.ask(spec.id, "read /proc/keys"), "");
  EXPECT_EQ(launcher.ask(spec.id, "read /proc/timer_list"), "");
  EXPECT_NE(launcher.ask(spec.id, "write /proc/sys/kernel/core_pattern"), "ok");
  EXPECT_NE(launcher.ask(spec.id, "write /proc/sys/user/max_user_namespaces"), "ok");
  EXPECT_EQ(trim(launcher.ask(spec.id, "read /proc/sys/user/max_user_namespaces")), "0");
  EXPECT_THAT(launcher.ask(spec.id, "write /dev/null"), "ok");
  EXPECT_THAT(launcher.ask(spec.id, "mknod /tmp/null"), HasSubstr("not permitted"));
  EXPECT_THAT(launcher.ask(spec.id, "mount"), HasSubstr("not permitted"));
}

TEST_F(LauncherTest, WhatCannotBeHeldIsRefusedNotIgnored) {
  LauncherHarness launcher({});
  auto spec = launcher.spec();
  spec.base_filter.clear();
  EXPECT_EQ(launcher.start(spec, launcher.identity()).reply.error.code, ErrorCode::InvalidArgument);
}

TEST_F(LauncherTest, AFullNetworkIsThereBeforeTheAgentOrTheStartFailsWithARemedy) {
  LauncherHarness launcher({});
  auto spec = launcher.spec();
  spec.network = model::NetworkMode::Full;
  const auto answer = launcher.start(spec, launcher.identity());
  if (!answer.ok()) {
    // No pasta, no tun device, or no default route on this machine.
    EXPECT_TRUE(answer.reply.error.code == ErrorCode::Unsupported ||
                answer.reply.error.code == ErrorCode::Unavailable)
        << answer.reply.error.message;
    EXPECT_FALSE(answer.reply.error.remedy.empty());
    return;
  }
  EXPECT_THAT(launcher.ask(spec.id, "read /proc/net/route"), HasSubstr("\t00000000\t"));
  EXPECT_THAT(launcher.ask(spec.id, "read /etc/resolv.conf"), HasSubstr("nameserver "));
}

TEST_F(LauncherTest, LinksInAnImageLeadNowhere) {
  LauncherHarness launcher({});
  const std::string layer = launcher.makeDirectory("hostile");
  ASSERT_EQ(::symlink("/etc", (layer + "/proc").c_str()), 0);
  auto spec = launcher.spec();
  spec.root.layers = {launcher.hostPath(layer)};
  spec.root.binds.clear();
  const auto answer = launcher.start(spec, launcher.identity());
  ASSERT_FALSE(answer.ok());
  EXPECT_THAT(answer.reply.error.message, HasSubstr("mount /proc"));
}

TEST_F(LauncherTest, AReadOnlyRootHasScratchSpaceOnly) {
  LauncherHarness launcher({});
  auto spec = launcher.spec();
  spec.root.read_only = true;
  ASSERT_TRUE(launcher.start(spec, launcher.identity()).ok());
  EXPECT_THAT(launcher.ask(spec.id, "write /etc/x"), HasSubstr("Read-only"));
  EXPECT_EQ(launcher.ask(spec.id, "write /tmp/x"), "ok");
}

TEST_F(LauncherTest, ANamedRootKeepsWhatWasWritten) {
  LauncherHarness launcher({});
  auto spec = launcher.spec();
  spec.root.writable = launcher.hostPath(launcher.makeDirectory("named"));
  ASSERT_TRUE(launcher.start(spec, launcher.identity()).ok());
  EXPECT_EQ(launcher.ask(spec.id, "write /etc/kept"), "ok");
  launcher.discard(spec.id);
  launcher.exited(spec.id);
  struct stat info{};
  ASSERT_EQ(::stat((launcher.directory() + "/named/root/etc/kept").c_str(), &info), 0);
  // Ids on disk do not depend on the box's range; the user is root of all rootless boxes.
  EXPECT_EQ(info.st_uid, ::geteuid());
  spec.id = launcher.spec().id;
  spec.ids.base += 65536;
  ASSERT_TRUE(launcher.start(spec, launcher.identity()).ok());
  EXPECT_EQ(launcher.ask(spec.id, "read /etc/kept"), "guest");
}

TEST_F(LauncherTest, LimitsHold) {
  LauncherHarness launcher({});
  auto spec = launcher.spec();
  spec.limits.memory_bytes = 64U << 20U;
  spec.limits.pids = 16;
  spec.limits.cpu_percent = 50;
  spec.limits.explicit_memory = spec.limits.explicit_pids = true;
  const auto started = launcher.start(spec, launcher.identity());
  if (!started.ok() && started.reply.error.code == ErrorCode::Unsupported) {
    GTEST_SKIP() << started.reply.error.message;
  }
  ASSERT_TRUE(started.ok()) << started.reply.error.message;
  EXPECT_EQ(launcher.ask(spec.id, "fork 100"), "15");
  EXPECT_EQ(launcher.ask(spec.id, "eat 200"), "signal 9");
  EXPECT_EQ(launcher.ask(spec.id, "group"), "ok");
  model::LauncherRequest request;
  request.op = model::LauncherOp::Stats;
  request.id = spec.id;
  EXPECT_GT(launcher.call(request).reply.stats.memory_bytes, 0U);
  launcher.discard(spec.id);
  EXPECT_TRUE(launcher.exited(spec.id).out_of_memory);
}

TEST_F(LauncherTest, PureCgroupVersion2Works) {
  if (!root()) {
    GTEST_SKIP() << "needs root to hide the version 1 hierarchies";
  }
  if (::access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) != 0) {
    GTEST_SKIP() << "no version 2 hierarchy beside version 1 here";
  }
  LauncherHarness launcher({.pure_cgroup_v2 = true});
  auto spec = launcher.spec();
  const auto started = launcher.start(spec, launcher.identity());
  ASSERT_TRUE(started.ok()) << started.reply.error.message;
  EXPECT_THAT(*sys::readFile(cat("/proc/", started.reply.started.pid, "/cgroup"), 4096),
              HasSubstr(cat("0::/agentkernel/", spec.id)));
  EXPECT_EQ(launcher.ask(spec.id, "group"), "ok");
  EXPECT_THAT(launcher.ask(spec.id, "limit-file pids.max"), Not("ok"));
  EXPECT_THAT(launcher.ask(spec.id, "read /proc/self/cgroup"), HasSubstr("0::/\n"));
  launcher.discard(spec.id);
  launcher.exited(spec.id);
  EXPECT_NE(::access(cat("/sys/fs/cgroup/unified/agentkernel/", spec.id).c_str(), F_OK), 0);
  // This host's version 2 tree has no memory controller: what was asked for by number fails.
  spec = launcher.spec();
  spec.limits.memory_bytes = 64U << 20U;
  spec.limits.explicit_memory = true;
  const auto refused = launcher.start(spec, launcher.identity());
  EXPECT_TRUE(refused.ok() || refused.reply.error.code == ErrorCode::Unsupported);
}

TEST_F(LauncherTest, AnOrdinaryUserGetsABoxToo) {
  if (!root()) {
    GTEST_SKIP() << "needs root to become another user";
  }
  for (const bool attached : {false, true}) {
    LauncherHarness launcher({.uid = 65534, .attached_layers = attached});
    const auto spec = launcher.spec();
    const auto started = launcher.start(spec, launcher.identity());
    ASSERT_TRUE(started.ok()) << started.reply.error.message;
    EXPECT_THAT(launcher.ask(spec.id, "read /proc/self/status"), HasSubstr("Uid:\t0\t0"));
    EXPECT_THAT(launcher.ask(spec.id, "userns"), Not("ok"));
    EXPECT_EQ(launcher.ask(spec.id, "write /etc/x"), "ok");
    auto identity = launcher.identity();
    const std::string project = launcher.makeDirectory("project");
    identity.workspace.mode = model::WorkspaceMode::ReadWrite;
    identity.workspace.source = launcher.hostPath(project);
    const auto second = launcher.spec();
    const auto writable = launcher.start(second, identity);
    ASSERT_TRUE(writable.ok()) << writable.reply.error.message;
    EXPECT_EQ(launcher.ask(second.id, "write /workspace/new"), "ok");
    struct stat info{};
    ASSERT_EQ(::stat((project + "/new").c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 65534U);
  }
}

}  // namespace
}  // namespace ak::launch
