// Who outlives whom: boxes, launchers and daemons.
#include <unistd.h>

#include <filesystem>

#include "base/text.h"
#include "launch/launcher_fixture.h"
#include "sys/file.h"

namespace ak::launch {
namespace {

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

}  // namespace
}  // namespace ak::launch
