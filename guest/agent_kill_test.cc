// What must end, ends: timeouts, kills, gone clients, leases.
#include <sys/stat.h>

#include "guest/agent_fixture.h"

namespace ak::guest::test {
namespace {

class AgentKillTest : public AgentTest {};

INSTANTIATE_TEST_SUITE_P(, AgentKillTest, testing::Values(Role::Process, Role::Init), roleName);

// A command whose grandchild has left session, group and parent behind, and holds the write end of
// a FIFO: the FIFO's end of file, seen from the test, proves that the last of them is gone.
class Daemonised {
 public:
  Daemonised(const TestAgent& agent, const std::string& after)
      : path_(agent.directory() + "/fifo") {
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    fd_ = std::move(*sys::openPath(path_, O_RDONLY | O_NONBLOCK));
    script =
        cat("exec 8>", path_, "; setsid sh -c 'setsid sleep 1000 >/dev/null 2>&1 & echo up >&8' &",
            " wait; echo ready; ", after);
  }

  // Waits for end of file.
  bool allGone() const {
    for (;;) {
      pollfd poll{fd_.get(), POLLIN, 0};
      if (::poll(&poll, 1, 20'000) != 1) {
        return false;
      }
      char buffer[64];
      if (::read(fd_.get(), buffer, sizeof buffer) == 0) {
        return true;
      }
    }
  }

  std::string script;

 private:
  std::string path_;
  sys::OwnedFd fd_;
};

void waitForReady(TestClient& client) {
  for (;;) {
    const auto frame = client.nextNews();
    ASSERT_TRUE(frame);
    if (frame->type == wire::FrameType::Data) {
      return;
    }
    ASSERT_NE(frame->type, wire::FrameType::Reset) << wire::decodeError(frame->payload).message;
  }
}

// A timeout may come before a shell on a slow machine has set its trap: that says nothing yet, so
// the time doubles until the shell said that it was ready.
ExecOutcome timeOutWhenReady(TestClient& client, const std::string& script) {
  wire::ExecRequest request = shellCommand(script);
  ExecOutcome outcome;
  for (request.timeout_ms = 100; request.timeout_ms <= 25'600; request.timeout_ms *= 2) {
    outcome = client.exec(request);
    if (outcome.out.find("ready") != std::string::npos) {
      return outcome;
    }
    EXPECT_TRUE(outcome.exit->timed_out);
  }
  ADD_FAILURE() << "the shell never got ready";
  return outcome;
}

TEST_P(AgentKillTest, TimeoutTermsFirstAndReportsIt) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const ExecOutcome outcome =
      timeOutWhenReady(client, "trap 'echo term; exit 3' TERM; echo ready; sleep 1000 & wait");
  EXPECT_EQ(outcome.out, "ready\nterm\n");
  EXPECT_TRUE(outcome.exit->timed_out);
  EXPECT_EQ(outcome.exit->code, 3);
}

TEST_P(AgentKillTest, TimeoutKillsWhatIgnoresTerm) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  Daemonised daemon(agent, "while :; do sleep 1; done");
  const ExecOutcome outcome = timeOutWhenReady(client, cat("trap '' TERM; ", daemon.script));
  EXPECT_TRUE(outcome.exit->timed_out);
  EXPECT_EQ(outcome.exit->signal, SIGKILL);
  EXPECT_TRUE(daemon.allGone());
}

TEST_P(AgentKillTest, KillEndsDaemonisedGrandchildrenToo) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  Daemonised daemon(agent, "sleep 1000");
  const std::uint32_t stream = client.openExec(shellCommand(daemon.script));
  waitForReady(client);
  wire::ExecControl control;
  control.kind = wire::ExecControl::Kind::Kill;
  client.send(wire::FrameType::Control, stream, 0, wire::encode(control));
  const ExecOutcome outcome = client.collect(stream, true);
  EXPECT_TRUE(outcome.exit->killed);
  EXPECT_EQ(outcome.exit->signal, SIGKILL);
  EXPECT_TRUE(daemon.allGone());
}

TEST_P(AgentKillTest, ResetOfTheStreamEndsItsProcesses) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  Daemonised daemon(agent, "sleep 1000");
  const std::uint32_t stream = client.openExec(shellCommand(daemon.script));
  waitForReady(client);
  client.send(wire::FrameType::Reset, stream, 0, wire::encodeError({}));
  EXPECT_TRUE(daemon.allGone());
  EXPECT_EQ(client.shell("echo still here").out, "still here\n");
}

TEST_P(AgentKillTest, EndOfTheSessionEndsItsProcesses) {
  TestAgent agent(GetParam());
  auto client = std::make_unique<TestClient>(agent.begin());
  Daemonised daemon(agent, "sleep 1000");
  client->openExec(shellCommand(daemon.script));
  waitForReady(*client);
  client.reset();
  EXPECT_TRUE(daemon.allGone());
  TestClient later = agent.connect();
  EXPECT_TRUE(later.resume(agent.key, 2));
}

TEST_P(AgentKillTest, AnotherExecIsLeftAlone) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t stays = client.openExec(shellCommand("echo up; cat"));
  waitForReady(client);
  Daemonised daemon(agent, "sleep 1000");
  const std::uint32_t stream = client.openExec(shellCommand(daemon.script));
  waitForReady(client);
  client.send(wire::FrameType::Reset, stream, 0, wire::encodeError({}));
  EXPECT_TRUE(daemon.allGone());
  client.send(wire::FrameType::Data, stays, wire::kStdin, "alive");
  client.send(wire::FrameType::End, stays, wire::kStdin, {});
  EXPECT_EQ(client.collect(stays, true).out, "alive");
}

// A guest with the agent's uid can kill the supervisor; it gains nothing by it.
TEST_P(AgentKillTest, KillingTheSupervisorFreesNothing) {
  TestAgent agent(GetParam());
  wire::SandboxRules rules = TestAgent::defaultRules();
  TestClient client = agent.begin(rules);
  Daemonised daemon(agent, "kill -KILL $PPID; sleep 1000");
  const ExecOutcome outcome = client.exec(shellCommand(daemon.script));
  EXPECT_TRUE(outcome.exit.has_value());
  EXPECT_TRUE(daemon.allGone());
  EXPECT_EQ(client.shell("echo still here").out, "still here\n");
}

// A command is a guest's prey from its clone on; the agent must not wait for it without end.
TEST_P(AgentKillTest, AGuestThatStopsWhateverItCanDoesNotStopItsAgent) {
  if (GetParam() != Role::Init) {
    GTEST_SKIP() << "kill(-1) would reach the host";
  }
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t stopper =
      client.openExec(shellCommand("echo up; while :; do kill -STOP -1 2>/dev/null; done"));
  waitForReady(client);
  wire::ExecRequest request = command({"true"});
  request.timeout_ms = 50;
  for (int i = 0; i < 5; ++i) {
    const ExecOutcome outcome = client.exec(request);
    ASSERT_TRUE(outcome.exit || outcome.reset) << "no answer to exec " << i;
  }
  client.send(wire::FrameType::Reset, stopper, 0, wire::encodeError({}));
  EXPECT_EQ(client.shell("echo still here").out, "still here\n");
}

TEST_P(AgentKillTest, ShutdownEndsEverythingAndTheAgent) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  Daemonised daemon(agent, "sleep 1000");
  client.openExec(shellCommand(daemon.script));
  waitForReady(client);
  client.open(wire::Service::Control, wire::encode(wire::ControlRequest{}));
  EXPECT_TRUE(client.waitForEnd());
  EXPECT_EQ(agent.wait(), 0);
  EXPECT_TRUE(daemon.allGone());
}

TEST_P(AgentKillTest, ShutdownWithGraceEndsAsSoonAsAllHaveEnded) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  client.openExec(shellCommand("echo up; exec sleep 1000"));
  waitForReady(client);
  client.open(wire::Service::Control,
              wire::encode(wire::ControlRequest{wire::ControlRequest::Kind::Shutdown, 60'000}));
  EXPECT_TRUE(client.waitForEnd());
  EXPECT_EQ(agent.wait(), 0);
}

TEST_P(AgentKillTest, TheAgentEndsWithItsLastExec) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  Daemonised daemon(agent, "exit 6");
  wire::ExecRequest request = shellCommand(daemon.script);
  request.last = true;
  EXPECT_EQ(client.exec(request).exit->code, 6);
  EXPECT_EQ(agent.wait(), 0);
  EXPECT_TRUE(daemon.allGone());
}

TEST_P(AgentKillTest, TheLeaseRunsOutWithoutASession) {
  TestAgent agent(GetParam());
  wire::SandboxRules rules = TestAgent::defaultRules();
  rules.owner_lease_ms = 150;
  auto client = std::make_unique<TestClient>(agent.begin(rules));
  EXPECT_EQ(client->shell("sleep 0.3; echo kept").out, "kept\n");  // longer than the lease
  Daemonised daemon(agent, "true");
  EXPECT_TRUE(client->exec(shellCommand(daemon.script)).exit.has_value());
  client.reset();
  EXPECT_EQ(agent.wait(), 0);
  EXPECT_TRUE(daemon.allGone());
}

// Whether the agent took it.
bool setDeadline(TestClient& client, std::optional<std::uint64_t> milliseconds) {
  wire::ControlRequest request;
  request.kind = wire::ControlRequest::Kind::Deadline;
  request.deadline_ms = milliseconds;
  const std::uint32_t stream = client.open(wire::Service::Control, wire::encode(request));
  while (const auto frame = client.nextNews()) {
    if (frame->type == wire::FrameType::Reset || frame->type == wire::FrameType::Close) {
      client.send(wire::FrameType::Close, stream, 0, {});
      return frame->type == wire::FrameType::Close;
    }
  }
  return false;
}

// Nobody is there who could remove it.
TEST_P(AgentKillTest, TheDeadlineEndsWhatHasNoSession) {
  TestAgent agent(GetParam());
  auto client = std::make_unique<TestClient>(agent.begin());
  Daemonised daemon(agent, "true");
  EXPECT_TRUE(client->exec(shellCommand(daemon.script)).exit.has_value());
  ASSERT_TRUE(setDeadline(*client, 100));
  EXPECT_EQ(client->shell("sleep 0.3; echo kept").out, "kept\n");  // its host decides
  client.reset();
  EXPECT_EQ(agent.wait(), 0);
  EXPECT_TRUE(daemon.allGone());
}

TEST_P(AgentKillTest, TheLastDeadlineCounts) {
  TestAgent agent(GetParam());
  auto client = std::make_unique<TestClient>(agent.begin());
  ASSERT_TRUE(setDeadline(*client, 50));
  ASSERT_TRUE(setDeadline(*client, std::nullopt));
  client.reset();
  TestClient later = agent.connect();
  ASSERT_TRUE(later.resume(agent.key, 2));
  EXPECT_EQ(later.shell("sleep 0.2; echo kept").out, "kept\n");
  EXPECT_TRUE(setDeadline(later, wire::kMaxDeadlineMs));
  EXPECT_FALSE(setDeadline(later, wire::kMaxDeadlineMs + 1));
}

TEST_P(AgentKillTest, ANewSessionKeepsTheLease) {
  TestAgent agent(GetParam());
  wire::SandboxRules rules = TestAgent::defaultRules();
  rules.owner_lease_ms = 400;
  auto client = std::make_unique<TestClient>(agent.begin(rules));
  client.reset();
  TestClient later = agent.connect();
  ASSERT_TRUE(later.resume(agent.key, 2));
  EXPECT_EQ(later.shell("sleep 0.6; echo kept").out, "kept\n");
}

}  // namespace
}  // namespace ak::guest::test
