#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "launch/launcher_harness.h"
#include "sys/file.h"

namespace ak::launch {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// As root, and rootless when an ordinary user runs them.
class LauncherTest : public ::testing::Test {
 protected:
  static bool root() { return ::geteuid() == 0; }

  // Who owns a project: root starts sandboxes for anybody.
  static uid_t projectOwner() { return root() ? 1234 : ::geteuid(); }

  static void giveToProjectOwner(const std::string& path) {
    ASSERT_EQ(::chown(path.c_str(), projectOwner(), root() ? 1234 : ::getegid()), 0) << path;
  }

  static void setProjectOwner(model::BoxIdentity& identity) {
    identity.workspace.owner_uid = projectOwner();
    identity.workspace.owner_gid = root() ? 1234 : ::getegid();
  }
};

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

TEST_F(LauncherTest, ACopyOnWriteWorkspaceLeavesTheProjectAlone) {
  for (const bool attached : {false, true}) {
    LauncherHarness launcher({.attached_layers = attached});
    const std::string project = launcher.makeDirectory("project");
    giveToProjectOwner(project);
    const auto top = sys::openPath(project, O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(sys::replaceFile(top->get(), "mine", "host", 0600).has_value());
    giveToProjectOwner(project + "/mine");
    auto identity = launcher.identity();
    identity.workspace.mode = model::WorkspaceMode::Cow;
    identity.workspace.source = launcher.hostPath(project);
    setProjectOwner(identity);
    identity.workspace.want_changes_fd = true;
    ASSERT_EQ(::mkdir((project + "/.aws").c_str(), 0755), 0);
    const auto aws = sys::openPath(project + "/.aws", O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(sys::replaceFile(aws->get(), "credentials", "secret", 0644).has_value());
    ASSERT_TRUE(sys::replaceFile(top->get(), ".netrc", "secret", 0644).has_value());
    identity.workspace.masks = {".aws", ".netrc", ".not-there"};
    const auto spec = launcher.spec();
    const auto started = launcher.start(spec, identity);
    ASSERT_TRUE(started.ok()) << started.reply.error.message;
    EXPECT_EQ(launcher.ask(spec.id, "owner /workspace/mine"), "0:0");
    EXPECT_EQ(launcher.ask(spec.id, "read /workspace/mine"), "host");
    EXPECT_EQ(launcher.ask(spec.id, "list /workspace/.aws"), "");
    EXPECT_EQ(launcher.ask(spec.id, "read /workspace/.netrc"), "");
    EXPECT_EQ(launcher.ask(spec.id, "write /workspace/mine"), "ok");
    EXPECT_EQ(launcher.ask(spec.id, "write /workspace/new"), "ok");
    EXPECT_EQ(*sys::readFile(project + "/mine", 100), "host");
    EXPECT_NE(::access((project + "/new").c_str(), F_OK), 0);
    ASSERT_EQ(started.fds.size(), 2U);
    EXPECT_EQ(::faccessat(started.fds[1].get(), "new", F_OK, 0), 0);
  }
}

TEST_F(LauncherTest, AReadOnlyWorkspaceRefusesWrites) {
  LauncherHarness launcher({});
  auto identity = launcher.identity();
  identity.workspace.mode = model::WorkspaceMode::ReadOnly;
  identity.workspace.source = launcher.hostPath(launcher.makeDirectory("project"));
  const auto spec = launcher.spec();
  ASSERT_TRUE(launcher.start(spec, identity).ok());
  EXPECT_THAT(launcher.ask(spec.id, "write /workspace/new"), HasSubstr("Read-only"));
  EXPECT_THAT(launcher.ask(spec.id, "remount /workspace"), HasSubstr("not permitted"));
}

TEST_F(LauncherTest, AWritableWorkspaceKeepsItsProtectedPaths) {
  LauncherHarness launcher({});
  const std::string project = launcher.makeDirectory("project");
  giveToProjectOwner(project);
  for (const char* name : {"/.git", "/.git/hooks"}) {
    ASSERT_EQ(::mkdir((project + name).c_str(), 0755), 0);
    giveToProjectOwner(project + name);
  }
  auto identity = launcher.identity();
  identity.workspace.mode = model::WorkspaceMode::ReadWrite;
  identity.workspace.source = launcher.hostPath(project);
  setProjectOwner(identity);
  identity.workspace.protected_paths = {".git/hooks", ".git/config", ".envrc"};
  const auto spec = launcher.spec();
  const auto started = launcher.start(spec, identity);
  ASSERT_TRUE(started.ok()) << started.reply.error.message;
  EXPECT_EQ(launcher.ask(spec.id, "write /workspace/new"), "ok");
  struct stat info{};
  ASSERT_EQ(::stat((project + "/new").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, projectOwner());
  EXPECT_EQ(launcher.ask(spec.id, "write /workspace/.git/index"), "ok");
  EXPECT_THAT(launcher.ask(spec.id, "write /workspace/.git/hooks/post-checkout"),
              HasSubstr("Read-only"));
  EXPECT_NE(launcher.ask(spec.id, "write /workspace/.git/config"), "ok");
  EXPECT_NE(launcher.ask(spec.id, "write /workspace/.envrc"), "ok");
  EXPECT_THAT(launcher.ask(spec.id, "rename /workspace/.git"), HasSubstr("busy"));
  EXPECT_THAT(launcher.ask(spec.id, "rename /workspace/.git/hooks"), HasSubstr("busy"));
  EXPECT_THAT(launcher.ask(spec.id, "rmdir /workspace/.envrc"), HasSubstr("busy"));
  launcher.discard(spec.id);
  launcher.exited(spec.id);
  EXPECT_NE(::access((project + "/.envrc").c_str(), F_OK), 0);
  EXPECT_NE(::access((project + "/.git/config").c_str(), F_OK), 0);
  EXPECT_EQ(::access((project + "/.git/index").c_str(), F_OK), 0);
}

TEST_F(LauncherTest, AReplacedDirectoryIsRefused) {
  LauncherHarness launcher({});
  auto identity = launcher.identity();
  identity.workspace.mode = model::WorkspaceMode::Cow;
  identity.workspace.source = launcher.hostPath(launcher.makeDirectory("project"));
  identity.workspace.source.inode += 1;
  const auto answer = launcher.start(launcher.spec(), identity);
  EXPECT_EQ(answer.reply.error.code, ErrorCode::Conflict);
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

TEST_F(LauncherTest, AParkedBoxIsClaimedOnceAndExitsWithItsStatus) {
  LauncherHarness launcher({});
  const auto spec = launcher.spec();
  ASSERT_TRUE(launcher.park(spec).ok());
  auto identity = launcher.identity();
  identity.hostname = "claimed";
  const auto claimed = launcher.claim(spec.id, identity);
  ASSERT_TRUE(claimed.ok()) << claimed.reply.error.message;
  EXPECT_EQ(launcher.ask(spec.id, "hostname"), "claimed");
  model::LauncherRequest again;
  again.op = model::LauncherOp::Claim;
  again.id = spec.id;
  again.identity = identity;
  EXPECT_EQ(launcher.call(again, {1}).reply.error.code, ErrorCode::Conflict);
  launcher.ask(spec.id, "exit 7");
  EXPECT_EQ(launcher.exited(spec.id).code, 7);
}

TEST_F(LauncherTest, BoxesOutliveTheLauncher) {
  LauncherHarness launcher({});
  const auto spec = launcher.spec();
  ASSERT_TRUE(launcher.start(spec, launcher.identity()).ok());
  launcher.killLauncher();
  EXPECT_EQ(launcher.ask(spec.id, "hostname"), "probe");
  // The next launcher knows nothing of the box: it sweeps it, unless it is told to keep it.
  launcher.restart();
  model::LauncherRequest sweep;
  sweep.op = model::LauncherOp::Sweep;
  sweep.keep = {spec.id};
  EXPECT_THAT(launcher.call(sweep).reply.removed, ::testing::IsEmpty());
  EXPECT_EQ(launcher.ask(spec.id, "hostname"), "probe");
  sweep.keep.clear();
  if (std::filesystem::exists("/sys/fs/cgroup/pids/agentkernel")) {
    EXPECT_THAT(launcher.call(sweep).reply.removed, ::testing::ElementsAre(spec.id));
    launcher.waitUntilGone(spec.id);
    launcher.call(sweep);
    EXPECT_THAT(launcher.call(sweep).reply.removed, ::testing::IsEmpty());
  }
}

TEST_F(LauncherTest, WithoutDaemonAndBoxesItEnds) {
  LauncherHarness launcher({});
  ASSERT_TRUE(launcher.park(launcher.spec()).ok());
  launcher.disconnect();
  EXPECT_EQ(launcher.waitForEnd(), 0);
}

TEST_F(LauncherTest, ANewDaemonFindsTheLiveBoxes) {
  LauncherHarness launcher({});
  const auto spec = launcher.spec();
  ASSERT_TRUE(launcher.start(spec, launcher.identity()).ok());
  launcher.disconnect();
  launcher.connect();
  model::LauncherRequest request;
  request.op = model::LauncherOp::Hello;
  EXPECT_THAT(launcher.call(request).reply.live, ::testing::ElementsAre(spec.id));
}

TEST_F(LauncherTest, FiftyBoxesLeaveNothingBehind) {
  LauncherHarness launcher({});
  const auto count = [&] {
    const std::string proc = cat("/proc/", launcher.launcher());
    std::size_t fds = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(proc + "/fd")) {
      ++fds;
    }
    return std::pair(split(*sys::readFile(proc + "/mountinfo", 1 << 22), '\n').size(), fds);
  };
  model::LauncherRequest hello;
  hello.op = model::LauncherOp::Hello;
  launcher.call(hello);  // it has accepted us by now
  const auto before = count();
  for (int i = 0; i < 50; ++i) {
    const auto spec = launcher.spec();
    if (i % 3 == 0) {
      ASSERT_TRUE(launcher.park(spec).ok());
    } else {
      ASSERT_TRUE(launcher.start(spec, launcher.identity()).ok());
    }
    launcher.discard(spec.id);
    launcher.exited(spec.id);
  }
  EXPECT_EQ(count(), before);
  for (const char* tree : {"memory", "pids", "cpu", "cpuacct"}) {
    const std::string path = cat("/sys/fs/cgroup/", tree, "/agentkernel");
    if (root() && std::filesystem::exists(path)) {  // no user's box has a group here
      for (const auto& entry : std::filesystem::directory_iterator(path)) {
        EXPECT_FALSE(entry.path().filename().string().starts_with(cat("test-", ::getpid(), "-")));
      }
    }
  }
}

// Not a judgement: the numbers are printed beside a plain spawn of the same machine and minute.
TEST_F(LauncherTest, PrintsWhatAStartAndAClaimCost) {
  LauncherHarness launcher({});
  using Clock = std::chrono::steady_clock;
  const auto median = [](std::vector<double> times) {
    std::ranges::sort(times);
    return times[times.size() / 2];
  };
  const auto since = [](Clock::time_point from) {
    return std::chrono::duration<double, std::micro>(Clock::now() - from).count();
  };
  std::vector<double> spawns, starts, claims, clones, mounts, setups, last;
  for (int i = 0; i < 40; ++i) {
    auto at = Clock::now();
    const pid_t child = ::vfork();
    if (child == 0) {
      ::execl("/usr/bin/busybox", "true", nullptr);
      ::_exit(127);
    }
    ::waitpid(child, nullptr, 0);
    spawns.push_back(since(at));
    const auto spec = launcher.spec();
    at = Clock::now();
    const auto started = launcher.start(spec, launcher.identity());
    starts.push_back(since(at));
    ASSERT_TRUE(started.ok());
    clones.push_back(started.reply.started.phases.clone);
    mounts.push_back(started.reply.started.phases.mounts);
    setups.push_back(started.reply.started.phases.setup);
    last.push_back(started.reply.started.phases.claim);
    launcher.discard(spec.id);
    launcher.exited(spec.id);
    const auto parked = launcher.spec();
    ASSERT_TRUE(launcher.park(parked).ok());
    at = Clock::now();
    ASSERT_TRUE(launcher.claim(parked.id, launcher.identity()).ok());
    claims.push_back(since(at));
    launcher.discard(parked.id);
    launcher.exited(parked.id);
  }
  std::printf(
      "p50 us: spawn %.0f, start %.0f (clone %.0f mounts %.0f setup %.0f claim %.0f), claim %.0f\n",
      median(spawns), median(starts), median(clones), median(mounts), median(setups), median(last),
      median(claims));
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
