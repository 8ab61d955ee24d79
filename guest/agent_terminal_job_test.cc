// Jobs with a terminal: people come, type and go.
#include "guest/agent_job_fixture.h"

namespace ak::guest::test {
namespace {

class AgentTerminalJobTest : public JobTest {
 protected:
  static wire::JobRequest session(const std::string& id, const std::string& script) {
    wire::JobRequest asked = job(id, script);
    asked.exec.terminal = true;
    asked.exec.close_stdin = false;
    asked.exec.window = {30, 100};
    return asked;
  }

  // Answered when it returns.
  static std::uint32_t typeOn(TestClient& client, const std::string& id) {
    const std::uint32_t stream = open(client, request(Kind::Type, id));
    EXPECT_TRUE(answered(client, stream));
    return stream;
  }

  static bool answered(TestClient& client, std::uint32_t stream) {
    while (auto frame = client.nextNews()) {
      if (frame->stream == stream) {
        return frame->type == wire::FrameType::Reply;
      }
    }
    return false;
  }

  static void type(TestClient& client, std::uint32_t stream, std::string_view keys) {
    client.send(wire::FrameType::Data, stream, wire::kStdin, keys);
  }

  static void control(TestClient& client, std::uint32_t stream, const wire::ExecControl& control) {
    client.send(wire::FrameType::Control, stream, 0, wire::encode(control));
  }

  // Of an attached stream, acknowledged, until `text` has come.
  static bool shows(TestClient& client, std::uint32_t stream, std::string_view text) {
    std::string seen;
    while (!seen.contains(text)) {
      if (!readData(client, stream, seen)) {
        return false;
      }
    }
    return true;
  }
};

INSTANTIATE_TEST_SUITE_P(,
                         AgentTerminalJobTest,
                         testing::Values(Role::Process, Role::Init),
                         roleName);

TEST_P(AgentTerminalJobTest, HasASizeAndReadsWhatIsTyped) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t shown =
      open(client, session("0000000a", "stty size; read x; echo got-$x; exit 3"));
  ASSERT_TRUE(shows(client, shown, "30 100"));
  const std::uint32_t keys = typeOn(client, "0000000a");
  type(client, keys, "ab");
  type(client, keys, "c\r");
  ASSERT_TRUE(shows(client, shown, "got-abc"));
  bool closed = false;
  std::optional<wire::ExecExit> exit;
  while (!closed || !exit) {
    const auto frame = client.nextNews();
    ASSERT_TRUE(frame);
    closed |= frame->stream == keys && frame->type == wire::FrameType::Close;
    if (frame->stream == shown && frame->type == wire::FrameType::Reply) {
      exit = *wire::decodeExecExit(frame->payload);
    }
  }
  EXPECT_EQ(exit->code, 3);
  EXPECT_EQ(ask(client, request(Kind::Type, "0000000a")).error().code, ErrorCode::Conflict)
      << "it has ended";
}

TEST_P(AgentTerminalJobTest, SizesAndSignalsReachItsForeground) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t shown =
      open(client, session("0000000a",
                           "trap 'stty size' WINCH; trap 'echo usr1; exit 4' USR1; "
                           "echo up; while :; do read x; done"));
  ASSERT_TRUE(shows(client, shown, "up"));
  const std::uint32_t keys = typeOn(client, "0000000a");
  wire::ExecControl asked;
  asked.kind = wire::ExecControl::Kind::Resize;
  asked.window = {20, 80};
  control(client, keys, asked);
  ASSERT_TRUE(shows(client, shown, "20 80"));
  asked.kind = wire::ExecControl::Kind::Signal;
  asked.signal = SIGUSR1;
  control(client, keys, asked);
  EXPECT_TRUE(shows(client, shown, "usr1"));
}

TEST_P(AgentTerminalJobTest, TheEndOfInputIsAKey) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t shown = open(client, session("0000000a", "echo up; cat; echo over"));
  ASSERT_TRUE(shows(client, shown, "up"));
  const std::uint32_t keys = typeOn(client, "0000000a");
  client.send(wire::FrameType::End, keys, wire::kStdin, {});
  EXPECT_TRUE(shows(client, shown, "over"));
}

TEST_P(AgentTerminalJobTest, OutlivesItsSessionAndReadsFromTheNext) {
  TestAgent agent(GetParam());
  {
    TestClient client = agent.begin();
    const std::uint32_t shown =
        open(client, session("0000000b", "echo one; read x; echo got-$x; read x; exit 7"));
    ASSERT_TRUE(shows(client, shown, "one"));
    const std::uint32_t keys = typeOn(client, "0000000b");
    type(client, keys, "half");
  }
  TestClient later = agent.connect();
  ASSERT_TRUE(later.resume(agent.key, 2));
  const std::uint32_t shown = open(later, request(Kind::Attach, "0000000b"));
  const std::uint32_t keys = typeOn(later, "0000000b");
  type(later, keys, "-and-half\r");
  EXPECT_TRUE(shows(later, shown, "got-half-and-half"));
  EXPECT_TRUE(ask(later, request(Kind::Kill, "0000000b")));
}

TEST_P(AgentTerminalJobTest, SeveralMayType) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t shown =
      open(client, session("0000000a", "echo up; while read x; do echo got-$x; done"));
  ASSERT_TRUE(shows(client, shown, "up"));
  const std::uint32_t first = typeOn(client, "0000000a");
  const std::uint32_t second = typeOn(client, "0000000a");
  type(client, first, "one\r");
  EXPECT_TRUE(shows(client, shown, "got-one"));
  type(client, second, "two\r");
  EXPECT_TRUE(shows(client, shown, "got-two"));
  client.send(wire::FrameType::Reset, first, 0, {});
  type(client, second, "three\r");
  EXPECT_TRUE(shows(client, shown, "got-three")) << "who leaves takes nobody along";
  EXPECT_TRUE(ask(client, request(Kind::Kill, "0000000a")));
}

TEST_P(AgentTerminalJobTest, WhoDoesNotReadCostsAWindowAndStopsNobody) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::size_t before = agent.residentBytes();
  const std::uint32_t shown =
      open(client, session("0000000a", "stty raw -echo; echo up; exec sleep 1000"));
  ASSERT_TRUE(shows(client, shown, "up"));
  const std::uint32_t keys = typeOn(client, "0000000a");
  const std::string piece(wire::kChunk, 'x');
  for (std::size_t sent = 0; sent < wire::kInitialCredit; sent += piece.size()) {
    type(client, keys, piece);
  }
  EXPECT_EQ(client.shell("echo still here").out, "still here\n");
  EXPECT_LT(client.stdin_credit[keys], wire::kInitialCredit + 64 * 1024U);
  EXPECT_LT(agent.residentBytes(), before + (4U << 20U));
  EXPECT_TRUE(ask(client, request(Kind::Kill, "0000000a")));
}

TEST_P(AgentTerminalJobTest, WithoutATerminalNobodyTypes) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t shown = open(client, job("0000000a", "echo up; exec sleep 1000"));
  ASSERT_TRUE(shows(client, shown, "up"));
  EXPECT_EQ(ask(client, request(Kind::Type, "0000000a")).error().code, ErrorCode::Conflict);
  EXPECT_EQ(ask(client, request(Kind::Type, "0000000f")).error().code, ErrorCode::NotFound);
  wire::JobRequest odd = session("0000000c", "true");
  odd.exec.close_stdin = true;
  EXPECT_EQ(ask(client, odd).error().code, ErrorCode::InvalidArgument);
  odd = job("0000000c", "true");
  odd.exec.close_stdin = false;
  EXPECT_EQ(ask(client, odd).error().code, ErrorCode::InvalidArgument);
  EXPECT_TRUE(ask(client, request(Kind::Kill, "0000000a")));
}

TEST_P(AgentTerminalJobTest, WhoTypesDoesNotEndIt) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t shown = open(client, session("0000000a", "echo up; read x; echo got-$x"));
  ASSERT_TRUE(shows(client, shown, "up"));
  const std::uint32_t keys = typeOn(client, "0000000a");
  wire::ExecControl kill;
  kill.kind = wire::ExecControl::Kind::Kill;
  control(client, keys, kill);
  const std::uint32_t others = typeOn(client, "0000000a");
  type(client, others, "on\r");
  EXPECT_TRUE(shows(client, shown, "got-on"));
}

TEST_P(AgentTerminalJobTest, TheUsersOwnShellIsRunWhereItWasAskedFor) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  wire::JobRequest asked = session("0000000a", "");
  asked.exec.argv = {"/bin/sh"};
  asked.exec.login_shell = true;
  asked.exec.user = cat(::geteuid());
  const std::uint32_t shown = open(client, asked);
  const auto frame = client.nextNews();
  ASSERT_TRUE(frame && frame->type == wire::FrameType::Reply);
  const auto attached = wire::decodeJobAttached(frame->payload);
  ASSERT_TRUE(attached);
  EXPECT_TRUE(attached->shell.starts_with('/')) << attached->shell;
  const std::uint32_t keys = typeOn(client, "0000000a");
  type(client, keys, "echo is-$SHELL-; exit 5\r");
  EXPECT_TRUE(shows(client, shown, cat("is-", attached->shell, "-")));
}

TEST_P(AgentTerminalJobTest, AFloodWithoutAHostGoesOnAndIsBounded) {
  TestAgent agent(GetParam());
  {
    TestClient client = agent.begin();
    const std::uint32_t shown =
        open(client, session("0000000a",
                             "echo up; head -c 1000000 /dev/zero | tr '\\0' x; echo; "
                             "echo end; read x"));
    ASSERT_TRUE(shows(client, shown, "up"));
  }
  TestClient later = agent.connect();
  ASSERT_TRUE(later.resume(agent.key, 2));
  const std::uint32_t shown = open(later, request(Kind::Attach, "0000000a"));
  std::string seen;
  wire::JobOffsets kept;
  bool first = true;
  while (!seen.ends_with("end\r\n")) {
    const auto frame = later.nextNews();
    ASSERT_TRUE(frame);
    if (frame->stream == shown && frame->type == wire::FrameType::Reply &&
        std::exchange(first, false)) {
      kept = wire::decodeJobAttached(frame->payload)->from;
    } else if (frame->stream == shown && frame->type == wire::FrameType::Data) {
      seen += frame->payload;
      kept.out += frame->payload.size();
      later.grant(shown, wire::kStdout, static_cast<std::uint32_t>(frame->payload.size()));
      later.send(wire::FrameType::Control, shown, 0, wire::encode(wire::JobAck{kept}));
    }
  }
  EXPECT_TRUE(ask(later, request(Kind::Kill, "0000000a")));
}

}  // namespace
}  // namespace ak::guest::test
