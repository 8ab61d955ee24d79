// An agent that has stopped cannot keep the time of its commands; the host keeps it too.
#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <csignal>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sys/process.h"
#include "world.h"

namespace ak::security {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

// The host's own patience beyond a command's timeout, with room for a busy machine.
constexpr std::chrono::seconds kLate = 4s;
constexpr std::chrono::seconds kBusy = 3s;

class DeadlineTest : public SecurityTest {
 protected:
  nlohmann::json inspect(const std::string& name) {
    const Finished shown = world().agentkernel({"inspect", "--json", name});
    return nlohmann::json::parse(shown.out, nullptr, false);
  }

  pid_t agentOf(const std::string& name) { return inspect(name).value("pid", -1); }

  template <typename F>
  std::chrono::steady_clock::duration timeOf(F&& work) {
    const auto begun = std::chrono::steady_clock::now();
    work();
    return std::chrono::steady_clock::now() - begun;
  }

  // What the guest cannot do here is done from outside: its process 1 stops.
  sys::OwnedFd stopAgent(const std::string& name) {
    const pid_t pid = agentOf(name);
    EXPECT_GT(pid, 1) << inspect(name).dump();
    sys::OwnedFd process = std::move(*sys::openPidFd(pid));
    EXPECT_TRUE(sys::signalPidFd(process.get(), SIGSTOP));
    return process;
  }

  static bool endsWithin(const sys::OwnedFd& process, std::chrono::seconds limit) {
    pollfd state{process.get(), POLLIN, 0};
    return ::poll(&state, 1, static_cast<int>(limit.count() * 1000)) == 1;
  }

  void makeKept(const std::string& name) {
    const Finished made = world().agentkernel(
        {"run", "--keep", "--name", name, "--mount", "none", "--image", "host", "true"});
    ASSERT_EQ(made.status, 0) << made.err;
  }
};

TEST_P(DeadlineTest, AStoppedAgentDoesNotTakeTheTimeoutOfARunningCommandAway) {
  makeKept("frozen");
  const auto command =
      world().begin({"exec", "--timeout", "2", "frozen", "--", "sh", "-c", "echo up; sleep 1000"});
  char up[3];
  ASSERT_EQ(::read(command->output(), up, sizeof up), 3);
  const sys::OwnedFd agent = stopAgent("frozen");
  Finished finished;
  EXPECT_LT(timeOf([&] { finished = command->finish(); }), 2s + kLate + kBusy);
  EXPECT_EQ(finished.status, 124) << finished.err;
  // Asked once more in peace, it is silent again, and its box goes.
  EXPECT_TRUE(endsWithin(agent, 30s));
  EXPECT_EQ(world().agentkernel({"stop", "frozen"}).status, 0);  // waits for what is under way
  EXPECT_THAT(inspect("frozen").value("stop_reason", ""), HasSubstr("stopped answering"));
  EXPECT_EQ(world().agentkernel({"start", "frozen"}).status, 0);
  EXPECT_EQ(world().agentkernel({"exec", "frozen", "--", "echo", "again"}).out, "again\n");
  EXPECT_EQ(world().agentkernel({"rm", "frozen"}).status, 0);
}

TEST_P(DeadlineTest, ACommandForAStoppedAgentTimesOutAsItWould) {
  makeKept("frozen");
  const sys::OwnedFd agent = stopAgent("frozen");
  Finished finished;
  EXPECT_LT(timeOf([&] {
              finished = world().agentkernel({"exec", "--timeout", "1", "frozen", "--", "true"});
            }),
            1s + kLate + kBusy);
  EXPECT_EQ(finished.status, 124) << finished.err;
  EXPECT_EQ(world().agentkernel({"rm", "frozen"}).status, 0);
  EXPECT_TRUE(endsWithin(agent, 0s));
}

TEST_P(DeadlineTest, AOneShotWhoseAgentStopsEndsWithItsTimeout) {
  const auto command = world().begin({"run", "--timeout", "2", "--mount", "none", "--image", "host",
                                      "sh", "-c", "hostname; sleep 1000"});
  char name[64];
  const ssize_t size = ::read(command->output(), name, sizeof name);
  ASSERT_GT(size, 1);
  const sys::OwnedFd agent = stopAgent(std::string(name, static_cast<std::size_t>(size) - 1));
  Finished finished;
  EXPECT_LT(timeOf([&] { finished = command->finish(); }), 2s + kLate + kBusy);
  EXPECT_EQ(finished.status, 124) << finished.err;
  EXPECT_TRUE(endsWithin(agent, 10s));
}

// The guest's own means: process 1 takes no signal from below, so it goes for its next child.
class StoppingGuestTest : public DeadlineTest {};

TEST_P(StoppingGuestTest, HoldsUpOnlyItself) {
  makeKept("stopper");
  const auto bomb = world().begin({"exec", "stopper", "--", "sh", "-c",
                                   "echo up; while :; do kill -STOP -1 2>/dev/null; done"});
  char up[3];
  ASSERT_EQ(::read(bomb->output(), up, sizeof up), 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_LT(
        timeOf([&] { world().agentkernel({"exec", "--timeout", "1", "stopper", "--", "true"}); }),
        1s + kLate + kBusy);
  }
  EXPECT_EQ(world().shell("echo alive", {"--mount", "none"}).out, "alive\n");
  EXPECT_EQ(world().agentkernel({"rm", "stopper"}).status, 0);
  EXPECT_NE(bomb->finish().status, 0);
}

// What the host does is the same for every user, and takes its time.
INSTANTIATE_TEST_SUITE_P(Users, DeadlineTest, ::testing::Values(Who::Self), nameOf);
INSTANTIATE_TEST_SUITE_P(Users,
                         StoppingGuestTest,
                         ::testing::Values(Who::Self, Who::Plain, Who::WithRange),
                         nameOf);

}  // namespace
}  // namespace ak::security
