// Jobs: they belong to the sandbox, whoever is connected.
#include <sys/stat.h>

#include "guest/agent_job_fixture.h"

namespace ak::guest::test {
namespace {

class AgentJobTest : public JobTest {};

INSTANTIATE_TEST_SUITE_P(, AgentJobTest, testing::Values(Role::Process, Role::Init), roleName);

// Ends when the last process that has the write end of a FIFO open is gone.
class Pulse {
 public:
  explicit Pulse(const TestAgent& agent) : path(agent.directory() + "/pulse") {
    EXPECT_EQ(::mkfifo(path.c_str(), 0666), 0);
    fd_ = std::move(*sys::openPath(path, O_RDONLY | O_NONBLOCK));
  }

  // Something was written.
  bool beats() const {
    pollfd poll{fd_.get(), POLLIN, 0};
    char beat = 0;
    return ::poll(&poll, 1, 20'000) == 1 && ::read(fd_.get(), &beat, 1) == 1;
  }

  bool gone() const {
    while (beats()) {
    }
    pollfd poll{fd_.get(), POLLIN, 0};
    return ::poll(&poll, 1, 20'000) == 1 && (poll.revents & POLLHUP) != 0;
  }

  const std::string path;

 private:
  sys::OwnedFd fd_;
};

TEST_P(AgentJobTest, RunsToItsEndWithBothStreamsApart) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const Attached got = run(client, job("0000000a", "echo out; echo err >&2; exit 3"));
  EXPECT_EQ(got.outcome.out, "out\n");
  EXPECT_EQ(got.outcome.err, "err\n");
  ASSERT_TRUE(got.outcome.exit);
  EXPECT_EQ(got.outcome.exit->code, 3);
  // Told again until it is forgotten.
  EXPECT_EQ(list(client).size(), 1U);
  EXPECT_EQ(attach(client, "0000000a", {4, 4}).outcome.exit->code, 3);
  EXPECT_TRUE(ask(client, request(Kind::Forget, "0000000a")));
  EXPECT_TRUE(list(client).empty());
  EXPECT_EQ(attach(client, "0000000a").outcome.reset->code, ErrorCode::NotFound);
}

TEST_P(AgentJobTest, OutlivesItsSessionAndTellsTheNextHowItEnded) {
  TestAgent agent(GetParam());
  const Pulse pulse(agent);
  {
    TestClient client = agent.begin();
    const std::uint32_t stream = open(
        client, job("0000000b", cat("echo one; echo x > ", pulse.path,
                                    "; sleep 0.2; echo two; echo x > ", pulse.path, "; exit 7")));
    std::string seen;
    ASSERT_TRUE(readData(client, stream, seen));
    EXPECT_EQ(seen, "one\n");
    EXPECT_TRUE(pulse.beats());
  }
  EXPECT_TRUE(pulse.beats());
  TestClient later = agent.connect();
  ASSERT_TRUE(later.resume(agent.key, 2));
  // What was not acknowledged comes again.
  const Attached got = attach(later, "0000000b");
  EXPECT_EQ(got.from, wire::JobOffsets{});
  EXPECT_EQ(got.outcome.out, "one\ntwo\n");
  EXPECT_EQ(got.outcome.exit->code, 7);
}

TEST_P(AgentJobTest, WithoutAHostTheOldestIsDroppedAndTheGapIsTold) {
  TestAgent agent(GetParam());
  const Pulse pulse(agent);
  {
    TestClient client = agent.begin();
    open(client, job("0000000c", cat("echo begin; exec 3>", pulse.path,
                                     "; head -c 1000000 /dev/zero | tr '\\0' x; echo end; "
                                     "echo x >&3")));
    const std::uint32_t marker = client.openExec(shellCommand("echo started"));
    EXPECT_EQ(client.collect(marker).out, "started\n");
  }
  EXPECT_TRUE(pulse.beats()) << "a job without a host must not wait for one";
  TestClient later = agent.connect();
  ASSERT_TRUE(later.resume(agent.key, 2));
  const Attached got = attach(later, "0000000c", {6, 0});
  EXPECT_EQ(got.outcome.exit->code, 0);
  EXPECT_TRUE(got.outcome.out.ends_with("xxx\nend\n") || got.outcome.out.ends_with("xxxend\n"));
  EXPECT_EQ(got.from.out + got.outcome.out.size(), 6U + 1'000'000 + 4);
  EXPECT_LE(got.outcome.out.size(), wire::kJobRing);
  EXPECT_GT(got.outcome.out.size(), wire::kJobRing / 2);
}

TEST_P(AgentJobTest, AHostThatDoesNotAcknowledgeStopsTheWriterAndCostsNoMemory) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::size_t before = agent.residentBytes();
  const std::uint32_t stream = open(client, job("0000000d", "exec cat /dev/zero"));
  std::string seen;
  ASSERT_TRUE(readData(client, stream, seen));
  // Credit alone is not enough.
  client.grant(stream, wire::kStdout, 64 << 20);
  while (seen.size() < wire::kJobRing) {
    ASSERT_TRUE(readData(client, stream, seen));
  }
  EXPECT_EQ(client.shell("echo still here").out, "still here\n");
  EXPECT_EQ(seen.size(), wire::kJobRing);
  EXPECT_LT(agent.residentBytes(), before + (4U << 20U));
  client.send(wire::FrameType::Control, stream, 0, wire::encode(wire::JobAck{{100'000, 0}}));
  ASSERT_TRUE(readData(client, stream, seen));
  EXPECT_TRUE(ask(client, request(Kind::Kill, "0000000d")));
}

TEST_P(AgentJobTest, KillTermsAllThenKillsAllAndAnswersWhenNothingIsLeft) {
  TestAgent agent(GetParam());
  const Pulse pulse(agent);
  TestClient client = agent.begin();
  // A grandchild of a session of its own that ignores TERM, and a main process that does not.
  const std::string script = cat("exec 3>", pulse.path,
                                 "; setsid sh -c 'trap \"\" TERM; echo x >&3; while :; do sleep 1; "
                                 "done' & trap 'echo bye; exit 0' TERM; wait; wait");
  const std::uint32_t stream = open(client, job("0000000e", script));
  ASSERT_TRUE(pulse.beats());
  wire::JobRequest kill = request(Kind::Kill, "0000000e");
  kill.grace_ms = 300;
  const std::uint32_t killing = open(client, kill);
  std::optional<wire::ExecExit> exit;
  std::string out;
  bool answered = false;
  for (int replies = 0; !answered || !exit;) {
    const auto frame = client.nextNews();
    ASSERT_TRUE(frame);
    if (frame->stream == stream && frame->type == wire::FrameType::Data) {
      out += frame->payload;
    } else if (frame->stream == stream && frame->type == wire::FrameType::Reply && ++replies == 2) {
      exit = *wire::decodeExecExit(frame->payload);
    } else if (frame->stream == killing && frame->type == wire::FrameType::Reply) {
      answered = true;
      EXPECT_TRUE(pulse.gone()) << "answered while something lives";
    }
  }
  EXPECT_EQ(out, "bye\n");
  EXPECT_TRUE(exit->killed);
}

TEST_P(AgentJobTest, WhatAForgottenJobLeftRunningCanStillBeKilled) {
  TestAgent agent(GetParam());
  const Pulse pulse(agent);
  TestClient client = agent.begin();
  const std::string script =
      cat("exec 3>", pulse.path, "; setsid sleep 1000 >/dev/null 2>&1 & echo x >&3");
  EXPECT_EQ(run(client, job("0000000f", script)).outcome.exit->code, 0);
  ASSERT_TRUE(pulse.beats());
  EXPECT_TRUE(ask(client, request(Kind::Forget, "0000000f")));
  EXPECT_EQ(ask(client, job("0000000f", "true")).error().code, ErrorCode::AlreadyExists);
  EXPECT_TRUE(ask(client, request(Kind::Kill, "0000000f")));
  EXPECT_TRUE(pulse.gone());
  EXPECT_EQ(run(client, job("0000000f", "true")).outcome.exit->code, 0) << "its id is free again";
}

// Without a pid namespace no kernel ends them.
TEST_P(AgentJobTest, NothingOfItOutlivesAnAgentThatWasKilled) {
  TestAgent agent(GetParam());
  const Pulse pulse(agent);
  TestClient client = agent.begin();
  const std::string script = cat("exec 3>", pulse.path,
                                 "; setsid sh -c 'trap \"\" TERM HUP; echo x >&3; while :; do "
                                 "sleep 1; done' & wait");
  open(client, job("00000013", script));
  ASSERT_TRUE(pulse.beats());
  ASSERT_EQ(::kill(agent.pid(), SIGKILL), 0);
  EXPECT_TRUE(pulse.gone());
}

TEST_P(AgentJobTest, SignalsReachItsMainProcess) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t stream =
      open(client,
           job("00000010", "trap 'echo usr1; exit 4' USR1; echo up; while :; do sleep 0.05; done"));
  std::string seen;
  ASSERT_TRUE(readData(client, stream, seen));
  wire::JobRequest signal = request(Kind::Signal, "00000010");
  signal.signal = SIGUSR1;
  EXPECT_TRUE(ask(client, signal));
  const Attached got = attach(client, "00000010", {3, 0});
  EXPECT_EQ(got.outcome.out, "usr1\n");
  EXPECT_EQ(got.outcome.exit->code, 4);
  EXPECT_FALSE(got.outcome.exit->killed);
}

TEST_P(AgentJobTest, ALaterReaderTakesOver) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t first = open(client, job("00000011", "echo up; sleep 1000"));
  std::string seen;
  ASSERT_TRUE(readData(client, first, seen));
  const std::uint32_t second = open(client, request(Kind::Attach, "00000011"));
  bool lost = false;
  bool got = false;
  while (!lost || !got) {
    const auto frame = client.nextNews();
    ASSERT_TRUE(frame);
    lost |= frame->stream == first && frame->type == wire::FrameType::Reset;
    got |= frame->stream == second && frame->type == wire::FrameType::Data;
  }
  EXPECT_EQ(ask(client, request(Kind::Forget, "00000011")).error().code, ErrorCode::Conflict);
  EXPECT_TRUE(ask(client, request(Kind::Kill, "00000011")));
}

TEST_P(AgentJobTest, ABackgroundChildThatHoldsThePipesDoesNotKeepItOpen) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const Attached got = run(client, job("00000012", "sleep 1000 & echo done"));
  EXPECT_EQ(got.outcome.out, "done\n");
  EXPECT_EQ(got.outcome.exit->code, 0);
}

TEST_P(AgentJobTest, ItsTimeoutIsKeptWithoutAHost) {
  TestAgent agent(GetParam());
  const Pulse pulse(agent);
  {
    TestClient client = agent.begin();
    wire::JobRequest asked =
        job("00000013", cat("exec 3>", pulse.path, "; echo x >&3; exec sleep 1000"));
    asked.exec.timeout_ms = 500;
    open(client, asked);
    EXPECT_TRUE(pulse.beats());
  }
  EXPECT_TRUE(pulse.gone());
  TestClient later = agent.connect();
  ASSERT_TRUE(later.resume(agent.key, 2));
  EXPECT_TRUE(attach(later, "00000013").outcome.exit->timed_out);
}

TEST_P(AgentJobTest, TheLeaseWaitsForItsJobs) {
  TestAgent agent(GetParam());
  wire::SandboxRules rules = TestAgent::defaultRules();
  rules.owner_lease_ms = 100;
  const Pulse pulse(agent);
  {
    TestClient client = agent.begin(rules);
    open(client, job("00000014", cat("echo x > ", pulse.path, "; sleep 0.5; echo x > ", pulse.path,
                                     "; exit 5")));
    EXPECT_TRUE(pulse.beats());
  }
  EXPECT_TRUE(pulse.beats()) << "the lease ended the job";
  auto later = std::make_unique<TestClient>(agent.connect());
  ASSERT_TRUE(later->resume(agent.key, 2));
  EXPECT_EQ(attach(*later, "00000014").outcome.exit->code, 5);
  EXPECT_TRUE(ask(*later, request(Kind::Forget, "00000014")));
  later.reset();
  EXPECT_EQ(agent.wait(), 0) << "told and forgotten, it keeps nothing alive";
}

TEST_P(AgentJobTest, ThereIsALimitAndItNamesWhatToDo) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  for (std::size_t i = 0; i < wire::kMaxJobs; ++i) {
    char id[9];
    (void)std::snprintf(id, sizeof id, "%08zx", i);
    open(client, job(id, "exec sleep 1000"));
  }
  EXPECT_EQ(ask(client, job("ffffffff", "true")).error().code, ErrorCode::Capacity);
  EXPECT_EQ(list(client).size(), wire::kMaxJobs);
  client.open(wire::Service::Control, wire::encode(wire::ControlRequest{}));
  EXPECT_TRUE(client.waitForEnd());
  EXPECT_EQ(agent.wait(), 0);
}

TEST_P(AgentJobTest, WhatCannotStartIsNoJob) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  wire::JobRequest asked = request(Kind::Start, "00000015");
  asked.exec = command({"no-such-program"});
  asked.exec.close_stdin = true;
  EXPECT_EQ(ask(client, asked).error().code, ErrorCode::CommandNotFound);
  EXPECT_TRUE(list(client).empty());
  EXPECT_EQ(attach(client, "00000015").outcome.reset->code, ErrorCode::NotFound);
  EXPECT_EQ(ask(client, request(Kind::Kill, "00000015")).error().code, ErrorCode::NotFound);
}

TEST_P(AgentJobTest, AHostThatClaimsMoreThanWasPrintedIsRefused) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  EXPECT_EQ(run(client, job("00000016", "echo x")).outcome.exit->code, 0);
  EXPECT_EQ(attach(client, "00000016", {3, 0}).outcome.reset->code, ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace ak::guest::test
