// What a command sees and what its host is told.
#include <linux/filter.h>
#include <pwd.h>

#include "guest/agent_fixture.h"

namespace ak::guest::test {
namespace {

class AgentExecTest : public AgentTest {};

INSTANTIATE_TEST_SUITE_P(, AgentExecTest, testing::Values(Role::Process, Role::Init), roleName);

TEST_P(AgentExecTest, RunsACommandAndReportsItsOutputAndExit) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const ExecOutcome outcome = client.exec(command({"echo", "hello"}));
  EXPECT_EQ(outcome.out, "hello\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.exit, wire::ExecExit{});
}

TEST_P(AgentExecTest, ReportsExitCodesAndSignals) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  EXPECT_EQ(client.shell("exit 7").exit->code, 7);
  EXPECT_EQ(client.shell("kill -TERM $$").exit->signal, SIGTERM);
}

TEST_P(AgentExecTest, KeepsStdoutAndStderrApart) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const ExecOutcome outcome = client.shell("echo out; echo err >&2");
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
}

TEST_P(AgentExecTest, SaysWhyACommandCannotStart) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  EXPECT_EQ(client.exec(command({"no-such-command"})).reset->code, ErrorCode::CommandNotFound);
  EXPECT_EQ(client.exec(command({"/etc/passwd"})).reset->code, ErrorCode::CommandNotRunnable);
  const std::string script = agent.directory() + "/script";
  wire::FileRequest write;
  write.kind = wire::FileRequest::Kind::Write;
  write.path = script;
  write.mode = 0755;
  ASSERT_TRUE(client.file(write, "echo no interpreter line\n").info);
  EXPECT_EQ(client.exec(command({script})).reset->code, ErrorCode::CommandNotRunnable);
  wire::ExecRequest lost = command({"true"});
  lost.directory = "/no/such/place";
  const auto reset = client.exec(lost).reset;
  EXPECT_EQ(reset->code, ErrorCode::InvalidArgument);
  EXPECT_NE(reset->message.find("/no/such/place"), std::string::npos);
  lost = command({"true"});
  lost.user = "nobody-of-that-name";
  EXPECT_EQ(client.exec(lost).reset->code, ErrorCode::InvalidArgument);
}

TEST_P(AgentExecTest, LaysTheRequestsEnvironmentOverTheBase) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  wire::ExecRequest request = command({"env"});
  request.environment = {"BASE=changed", "OWN=1"};
  EXPECT_EQ(client.exec(request).out.substr(0, 200),
            cat("PATH=/usr/local/bin:/usr/bin:/bin\nBASE=changed\nOWN=1\nHOME=",
                ::getpwuid(::geteuid())->pw_dir, "\n"));
}

TEST_P(AgentExecTest, TheCommandSearchUsesTheFinalPath) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  wire::ExecRequest request = command({"echo", "x"});
  request.environment = {"PATH=/nowhere"};
  EXPECT_EQ(client.exec(request).reset->code, ErrorCode::CommandNotFound);
}

TEST_P(AgentExecTest, ACommandHasItsThreeDescriptorsASessionAndNoNewPrivileges) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root may clear the bounding set";
  }
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  // ls itself opens the directory that it lists as 3.
  EXPECT_EQ(client.exec(command({"/bin/ls", "/proc/self/fd"})).out, "0\n1\n2\n3\n");
  const std::string status = client.exec(command({"cat", "/proc/self/status"})).out;
  EXPECT_NE(status.find("NoNewPrivs:\t1"), std::string::npos);
  EXPECT_NE(status.find("SigBlk:\t0000000000000000"), std::string::npos);
  EXPECT_NE(status.find("SigIgn:\t0000000000000000"), std::string::npos);
  EXPECT_NE(status.find("CapEff:\t0000000000000000"), std::string::npos);
  EXPECT_NE(status.find("CapBnd:\t0000000000000000"), std::string::npos);
  EXPECT_NE(status.find("Umask:\t0022"), std::string::npos);
  EXPECT_EQ(client.exec(command({"cat", "/proc/self/oom_score_adj"})).out, "500\n");
}

TEST_P(AgentExecTest, RootKeepsOnlyTheProfilesCapabilities) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "an ordinary user's agent has no capabilities to keep";
  }
  TestAgent agent(GetParam());
  wire::SandboxRules rules = TestAgent::defaultRules();
  rules.child_capabilities = 1;  // CAP_CHOWN
  TestClient client = agent.begin(rules);
  const std::string status = client.exec(command({"cat", "/proc/self/status"})).out;
  EXPECT_NE(status.find("CapEff:\t0000000000000001"), std::string::npos) << status;
  EXPECT_NE(status.find("CapBnd:\t0000000000000001"), std::string::npos);
}

TEST_P(AgentExecTest, RunsAsTheUserAsked) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root may become another user";
  }
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  wire::ExecRequest request = command({"id"});
  request.user = "nobody";
  EXPECT_NE(client.exec(request).out.find("uid=65534(nobody) gid=65534(nogroup)"),
            std::string::npos);
  request.user = "1234:4321";
  EXPECT_EQ(client.exec(request).out, "uid=1234 gid=4321 groups=4321\n");
}

TEST_P(AgentExecTest, LimitsHold) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  wire::ExecRequest request = shellCommand("ulimit -n");
  request.limits = {{7 /* RLIMIT_NOFILE */, 33, 33}};
  EXPECT_EQ(client.exec(request).out, "33\n");
}

// The classic BPF program "return ERRNO(EPERM) for uname, else ALLOW".
TEST_P(AgentExecTest, TheChildFilterIsInForceForTheCommand) {
  TestAgent agent(GetParam());
  wire::SandboxRules rules = TestAgent::defaultRules();
  const sock_filter program[] = {
      {0x20, 0, 0, 0},                    // load the system call's number
      {0x15, 0, 1, SYS_uname},            // is it uname?
      {0x06, 0, 0, 0x00050000U | EPERM},  // SECCOMP_RET_ERRNO
      {0x06, 0, 0, 0x7fff0000U},          // SECCOMP_RET_ALLOW
  };
  rules.child_filter.assign(reinterpret_cast<const char*>(program), sizeof program);
  TestClient client = agent.begin(rules);
  EXPECT_NE(client.exec(command({"uname"})).exit->code, 0);
  EXPECT_EQ(client.exec(command({"true"})).exit->code, 0);
}

TEST_P(AgentExecTest, StdinArrivesToItsEnd) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t stream = client.openExec(command({"cat"}));
  std::string text;
  for (int i = 0; i < 4; ++i) {
    const std::string piece = randomBytes(wire::kChunk);
    client.send(wire::FrameType::Data, stream, wire::kStdin, piece);
    text += piece;
  }
  client.send(wire::FrameType::End, stream, wire::kStdin, {});
  const ExecOutcome outcome = client.collect(stream);
  EXPECT_TRUE(outcome.out == text);
  EXPECT_EQ(outcome.exit->code, 0);
}

TEST_P(AgentExecTest, ClosedStdinIsEmpty) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  wire::ExecRequest request = command({"cat"});
  request.close_stdin = true;
  EXPECT_EQ(client.exec(request).exit, wire::ExecExit{});
}

TEST_P(AgentExecTest, StdinThatNobodyReadsDoesNotHoldTheExit) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t stream = client.openExec(command({"true"}));
  for (int i = 0; i < 8; ++i) {
    client.send(wire::FrameType::Data, stream, wire::kStdin, std::string(wire::kChunk, 'x'));
  }
  EXPECT_EQ(client.collect(stream).exit, wire::ExecExit{});
}

TEST_P(AgentExecTest, BinaryOutputOfManyChunksIsExact) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::string script = "i=0; while [ $i -lt 64 ]; do cat " AK_BIN_DIR
                             "/ak-agent; "
                             "i=$((i+1)); done";
  const ExecOutcome outcome = client.shell(script);
  const auto program = sys::readFile(AK_BIN_DIR "/ak-agent", 64 * 1024 * 1024);
  ASSERT_EQ(outcome.out.size(), program->size() * 64);
  EXPECT_TRUE(outcome.out.ends_with(*program));
  EXPECT_EQ(outcome.exit, wire::ExecExit{});
}

TEST_P(AgentExecTest, ATerminalHasASizeAndFollowsIt) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  wire::ExecRequest request = shellCommand(
      "stty size; trap 'stty size; exit 3' WINCH; echo ready; "
      "while :; do read line; done");
  request.terminal = true;
  request.window = {30, 90};
  const std::uint32_t stream = client.openExec(request);
  std::string out;
  while (!out.ends_with("ready\r\n")) {
    const auto frame = client.nextNews();
    ASSERT_TRUE(frame);
    out += frame->type == wire::FrameType::Data ? frame->payload : "";
  }
  EXPECT_EQ(out, "30 90\r\nready\r\n");
  wire::ExecControl control;
  control.kind = wire::ExecControl::Kind::Resize;
  control.window = {40, 100};
  client.send(wire::FrameType::Control, stream, 0, wire::encode(control));
  const ExecOutcome outcome = client.collect(stream, true);
  EXPECT_EQ(outcome.out, "40 100\r\n");
  EXPECT_EQ(outcome.exit->code, 3);
}

TEST_P(AgentExecTest, CtrlCOnATerminalInterruptsTheForeground) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  wire::ExecRequest request = shellCommand("echo ready; exec sleep 1000");
  request.terminal = true;
  const std::uint32_t stream = client.openExec(request);
  while (client.nextNews()->type != wire::FrameType::Data) {
  }
  client.send(wire::FrameType::Data, stream, wire::kStdin, "\x03");
  EXPECT_EQ(client.collect(stream, true).exit->signal, SIGINT);
}

TEST_P(AgentExecTest, SignalsReachTheMainProcessGroup) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t stream =
      client.openExec(shellCommand("trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done"));
  while (client.nextNews()->type != wire::FrameType::Data) {
  }
  wire::ExecControl control;
  control.kind = wire::ExecControl::Kind::Signal;
  control.signal = SIGUSR1;
  client.send(wire::FrameType::Control, stream, 0, wire::encode(control));
  EXPECT_EQ(client.collect(stream, true).exit->code, 9);
}

TEST_P(AgentExecTest, ACommandThatWasStoppedEndsWhenItIsAskedTo) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t stream = client.openExec(
      shellCommand("(until grep -q '^State:.T' /proc/$$/status; do :; done; echo stopped) & "
                   "kill -STOP $$"));
  while (client.nextNews()->type != wire::FrameType::Data) {
  }
  wire::ExecControl control;
  control.kind = wire::ExecControl::Kind::Signal;
  control.signal = SIGTERM;
  client.send(wire::FrameType::Control, stream, 0, wire::encode(control));
  EXPECT_EQ(client.collect(stream, true).exit->signal, SIGTERM);
}

TEST_P(AgentExecTest, ABackgroundChildThatHoldsThePipeDoesNotHoldTheExec) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const ExecOutcome outcome = client.shell("sleep 1000 & echo done");
  EXPECT_EQ(outcome.out, "done\n");
  EXPECT_EQ(outcome.exit, wire::ExecExit{});
}

TEST_P(AgentExecTest, ABackgroundChildThatFloodsThePipeDoesNotHoldTheExec) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  EXPECT_EQ(client.shell("yes & sleep 0.05; exit 4").exit->code, 4);
}

TEST_P(AgentExecTest, ACommandThatClosesItsOutputStillReportsItsExit) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  EXPECT_EQ(client.shell("exec >&- 2>&-; exit 5").exit->code, 5);
}

}  // namespace
}  // namespace ak::guest::test
