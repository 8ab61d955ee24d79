// R23: busy loops on every processor, measured by the kernel's own account of the sandbox.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "os/testing/box_groups.h"
#include "sys/file.h"
#include "world.h"

namespace ak::security {
namespace {

constexpr std::uint64_t kPeriodUsec = 100'000;

struct CpuAccount {
  std::uint64_t periods = 0;
  std::uint64_t throttled = 0;
  std::uint64_t usage_usec = 0;
};

std::uint64_t keyed(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with(key) && line.substr(key.size()).starts_with(' ')) {
      return parseNumber<std::uint64_t>(line.substr(key.size() + 1)).value_or(0);
    }
  }
  return 0;
}

std::string textOf(const std::string& path) {
  return sys::readFile(path, 1 << 20).value_or("");
}

CpuAccount accountOf(pid_t process) {
  CpuAccount account;
  for (const std::string& group : os::testing::boxGroups(process)) {
    const std::string stat = textOf(group + "/cpu.stat");
    if (const std::uint64_t periods = keyed(stat, "nr_periods"); periods != 0) {
      account.periods = periods;
      account.throttled = keyed(stat, "nr_throttled");
    }
    const std::string usage = textOf(group + "/cpuacct.usage");  // version 1, in nanoseconds
    account.usage_usec += usage.empty()
                              ? keyed(stat, "usage_usec")
                              : parseNumber<std::uint64_t>(trim(usage)).value_or(0) / 1000;
  }
  return account;
}

class CpuTest : public SecurityTest {};

TEST_P(CpuTest, BusyLoopsOnEveryProcessorGetTheirShareAndNoMore) {
  if (!limitsHold(world().uid())) {
    GTEST_SKIP() << "processors of an ordinary user are limited only in a delegated cgroup";
  }
  constexpr std::uint64_t kQuotaUsec = kPeriodUsec / 5;  // of --cpus 0.2
  const Finished made = world().agentkernel({"run", "--keep", "--name", "busy", "--cpus", "0.2",
                                             "--mount", "none", "--image", "host", "true"});
  ASSERT_EQ(made.status, 0) << made.err;
  const auto shown =
      nlohmann::json::parse(world().agentkernel({"inspect", "--json", "busy"}).out, nullptr, false);
  const pid_t agent = shown.value("pid", -1);
  ASSERT_GT(agent, 1);
  const CpuAccount before = accountOf(agent);
  const Finished bomb = world().agentkernel(
      {"exec", "--timeout", "2", "busy", "--", "sh", "-c",
       "n=$(nproc); for i in $(seq $((2 * n))); do while :; do :; done & done; wait"});
  EXPECT_EQ(bomb.status, 124) << bomb.err;
  const CpuAccount after = accountOf(agent);
  const std::uint64_t periods = after.periods - before.periods;
  EXPECT_GT(periods, 5U);
  EXPECT_GT(after.throttled - before.throttled, periods / 2);
  // Whatever time went by: no more than the quota in each of the periods that the kernel counted,
  // one more for the beginning and one for slices given out before the end (cpu.cfs_burst is 0).
  EXPECT_LE(after.usage_usec - before.usage_usec, (periods + 2) * kQuotaUsec);
  EXPECT_EQ(world().shell("echo alive", {"--mount", "none"}).out, "alive\n");
  EXPECT_EQ(world().agentkernel({"rm", "busy"}).status, 0);
}

INSTANTIATE_TEST_SUITE_P(Users, CpuTest, ::testing::Values(Who::Self), nameOf);

}  // namespace
}  // namespace ak::security
