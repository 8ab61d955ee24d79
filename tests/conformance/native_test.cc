#include <dirent.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "backend/native/native_backend.h"
#include "base/text.h"
#include "fixture.h"
#include "os/testing/box_groups.h"
#include "sys/file.h"
#include "sys/process.h"

namespace ak::conformance {
namespace {

backend::NativeBackend& native(Bench& bench) {
  return dynamic_cast<backend::NativeBackend&>(bench.backend());
}

std::size_t countEntries(const std::string& directory) {
  std::error_code error;
  const std::filesystem::directory_iterator entries(directory, error);
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

TEST_F(NativeTest, TwoSandboxesSeeNothingOfEachOther) {
  auto one = bench().startOk(kBox + "-a");
  auto two = bench().startOk(kBox + "-b");
  bench().sh(*one.agent, "echo secret > /tmp/mark; sleep 1000 &");
  EXPECT_NE(bench().sh(*two.agent, "cat /tmp/mark").exit.code, 0);
  EXPECT_EQ(bench().sh(*two.agent, "ps | grep -c '[s]leep 1000'").output, "0\n");
  EXPECT_EQ(bench().sh(*one.agent, "hostname").output, kBox + "-a\n");
  EXPECT_EQ(bench().sh(*two.agent, "hostname").output, kBox + "-b\n");
}

TEST_F(NativeTest, PidsBombStopsAtTheLimit) {
  auto request = bench().request(kBox);
  request.permissions.limits.pids = 32;
  request.permissions.limits.explicit_pids = true;
  auto box = bench().start(std::move(request));
  if (!box && box.error().code == ErrorCode::Unsupported && ::geteuid() != 0) {
    GTEST_SKIP() << box.error().message;
  }
  ASSERT_TRUE(box) << box.error().message;
  const Outcome outcome =
      bench().sh(*box->agent, "i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done; wait");
  EXPECT_NE(outcome.exit.code, 0);
  EXPECT_TRUE(bench().wait(box->agent->ping()));
}

TEST_F(NativeTest, MemoryBombEndsTheChildAndNotTheAgent) {
  auto request = bench().request(kBox);
  request.permissions.limits.memory_bytes = std::uint64_t{48} << 20U;
  request.permissions.limits.explicit_memory = true;
  auto box = bench().start(std::move(request));
  if (!box && box.error().code == ErrorCode::Unsupported && ::geteuid() != 0) {
    GTEST_SKIP() << box.error().message;
  }
  ASSERT_TRUE(box) << box.error().message;
  const Outcome outcome =
      bench().sh(*box->agent, "head -c 200000000 /dev/zero | tail -c 199999999 | wc -c");
  EXPECT_NE(outcome.output, "199999999\n");
  EXPECT_TRUE(bench().wait(box->agent->ping()));
}

TEST_F(NativeTest, DiskBombStopsAtTheLimit) {
  auto request = bench().request(kBox);
  request.permissions.limits.disk_bytes = std::uint64_t{8} << 20U;
  request.permissions.limits.explicit_disk = true;
  auto box = bench().start(std::move(request));
  ASSERT_TRUE(box) << box.error().message;
  EXPECT_NE(bench().sh(*box->agent, "head -c 30000000 /dev/zero > /root/fill").exit.code, 0);
  EXPECT_TRUE(bench().wait(box->agent->ping()));
}

TEST_F(NativeTest, ALauncherThatDiesIsReplacedAndSandboxesLiveOn) {
  auto box = bench().startOk(kBox);
  const auto pid = native(bench()).launcherPid();
  ASSERT_GT(pid, 0);
  const sys::OwnedFd launcher = sys::openPidFd(pid).value();
  ASSERT_TRUE(sys::signalPidFd(launcher.get(), SIGKILL));
  auto next = bench().start(bench().request(kBox + "-2"));
  if (!next) {  // the loss may be noticed by this very call
    next = bench().start(bench().request(kBox + "-3"));
  }
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(native(bench()).launcherRestarts(), 1U);
  EXPECT_EQ(bench().sh(*box.agent, "echo alive").output, "alive\n");
  EXPECT_EQ(bench().sh(*next->agent, "echo too").output, "too\n");
  EXPECT_TRUE(bench().stop(kBox));
  EXPECT_TRUE(std::ranges::any_of(bench().log(), [](const std::string& line) {
    return line.find("lost ak-launcher") != std::string::npos;
  }));
}

class PoolTest : public testing::Test {
 protected:
  void SetUp() override {
    bench_.native_options.pool_max = 2;
    bench_.native_options.pool_size = 1;
    if (const std::string why = bench_.whyNot(); !why.empty()) {
      GTEST_SKIP() << "native: " << why;
    }
  }

  void waitForWarm(std::uint32_t count) {
    auto work = [&]() -> net::Task<void> {
      while (bench_.backend().poolStats().warm < count) {
        co_await net::sleepFor(std::chrono::milliseconds(1));
      }
    };
    bench_.wait(work());
  }

  backend::StartRequest poolable(const std::string& id) {
    auto request = bench_.request(id);
    request.may_pool = true;
    return request;
  }

  Bench bench_{"native"};
};

TEST_F(PoolTest, AWarmBoxIsClaimedOnceAndReplaced) {
  bench_.backend().warm(poolable(kBox));
  waitForWarm(1);
  auto hit = bench_.start(poolable(kBox));
  ASSERT_TRUE(hit) << hit.error().message;
  EXPECT_TRUE(hit->from_pool);
  EXPECT_EQ(bench_.sh(*hit->agent, "hostname").output, kBox + "\n");
  EXPECT_EQ(bench_.backend().poolStats().hits, 1U);
  waitForWarm(1);
  auto other = poolable(kBox + "-2");
  other.permissions.limits.pids = 77;  // another kind of box
  auto miss = bench_.start(std::move(other));
  ASSERT_TRUE(miss) << miss.error().message;
  EXPECT_FALSE(miss->from_pool);
  EXPECT_EQ(bench_.backend().poolStats().misses, 1U);
  EXPECT_TRUE(bench_.stop(kBox));
}

TEST_F(PoolTest, TheNextBoxIsMadeOnlyAfterTheStart) {
  bench_.backend().warm(poolable(kBox));
  waitForWarm(1);
  ASSERT_TRUE(bench_.start(poolable(kBox)));
  EXPECT_EQ(bench_.backend().poolStats().warm, 0U);
  waitForWarm(1);
  EXPECT_TRUE(bench_.stop(kBox));
}

TEST_F(PoolTest, AStartTakesTheBoxThatIsJustBeingMade) {
  bench_.backend().warm(poolable(kBox));
  auto box = bench_.start(poolable(kBox));
  ASSERT_TRUE(box) << box.error().message;
  EXPECT_TRUE(box->from_pool);
  EXPECT_TRUE(bench_.stop(kBox));
}

TEST_F(NativeTest, TwentyCyclesLeaveNothing) {
  std::vector<std::string> groups;
  auto cycle = [&] {
    auto box = bench().startOk(kBox);
    groups = os::testing::boxGroups(box.box.pid);  // by the box's id: the same each time
    EXPECT_EQ(bench().sh(*box.agent, "echo x").output, "x\n");
    EXPECT_TRUE(bench().stop(kBox));
    bench().dropAgents();
  };
  cycle();
  auto settle = [&]() -> net::Task<void> {  // coroutines that were cancelled unwind in their turns
    for (int i = 0; i < 10; ++i) {
      co_await net::yield();
    }
  };
  bench().wait(settle());
  const std::size_t fds = countEntries("/proc/self/fd");
  const auto pid = native(bench()).launcherPid();
  const std::string launcher = cat("/proc/", pid, "/fd");
  const std::size_t launcher_fds = countEntries(launcher);
  for (int i = 0; i < 20; ++i) {
    cycle();
  }
  bench().wait(settle());
  EXPECT_EQ(countEntries("/proc/self/fd"), fds);
  EXPECT_EQ(countEntries(bench().native_options.sandboxes_directory), 0U);
  // The launcher lets go of a box (its groups, its descriptors, its process) when the kernel has
  // let the last process out of the group: a moment after stop has returned.
  const std::string children = cat("/proc/", pid, "/task/", pid, "/children");
  const auto gone = [&] {
    return countEntries(launcher) <= launcher_fds &&
           sys::readFile(children, 65536).value_or("?").empty() &&
           std::ranges::none_of(
               groups, [](const std::string& group) { return std::filesystem::exists(group); });
  };
  for (int i = 0; i < 500 && !gone(); ++i) {
    constexpr std::chrono::milliseconds pause(10);
    std::this_thread::sleep_for(pause);  // between looks, not synchronisation
  }
  EXPECT_TRUE(gone()) << countEntries(launcher) << " descriptors, " << launcher_fds
                      << " at first; children: " << sys::readFile(children, 65536).value_or("?")
                      << "; groups:\n"
                      << join(groups, "\n");
  std::ifstream mounts("/proc/self/mounts");
  const std::string all((std::istreambuf_iterator<char>(mounts)), {});
  EXPECT_EQ(all.find(bench().directory()), std::string::npos);
}

}  // namespace
}  // namespace ak::conformance
