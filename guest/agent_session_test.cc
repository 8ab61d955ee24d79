// Who may speak, what happens to those who speak wrongly, and that streams do not hinder each
// other.
#include "guest/agent_fixture.h"

namespace ak::guest::test {
namespace {

class AgentSessionTest : public AgentTest {};

INSTANTIATE_TEST_SUITE_P(, AgentSessionTest, testing::Values(Role::Process, Role::Init), roleName);

TEST_P(AgentSessionTest, TheFirstRequestsMayFollowInOneWrite) {
  TestAgent agent(GetParam());
  TestClient client = agent.connect();
  wire::HostHello hello;
  hello.key = agent.key;
  hello.has_rules = true;
  hello.rules = TestAgent::defaultRules();
  std::string bytes = wire::encodePreamble({randomBytes(wire::kNonceSize), 1});
  wire::encodeFrame(bytes, wire::FrameType::Hello, 0, 0, wire::encodeHostHello(hello));
  wire::encodeFrame(bytes, wire::FrameType::Open, 1, static_cast<std::uint8_t>(wire::Service::Exec),
                    wire::encode(command({"echo", "pipelined"})));
  client.sendRaw(bytes);
  ASSERT_TRUE(client.receivePreamble());
  EXPECT_EQ(client.next()->type, wire::FrameType::Hello);
  EXPECT_EQ(client.collect(1).out, "pipelined\n");
}

TEST_P(AgentSessionTest, NothingIsAcceptedBeforeTheHello) {
  TestAgent agent(GetParam());
  TestClient client = agent.connect();
  client.sendPreamble(1);
  client.openExec(command({"true"}));
  EXPECT_TRUE(client.receivePreamble() && client.waitForEnd());
  EXPECT_EQ(client.goodbye->code, ErrorCode::Unauthenticated);
}

TEST_P(AgentSessionTest, TheFirstSessionMustBringAKey) {
  TestAgent agent(GetParam());
  TestClient client = agent.connect();
  EXPECT_FALSE(client.resume(agent.key, 5));
  EXPECT_EQ(client.goodbye->code, ErrorCode::Unauthenticated);
}

TEST_P(AgentSessionTest, AWrongKeyAndASecondKeyAreRefused) {
  TestAgent agent(GetParam());
  TestClient first = agent.begin();
  TestClient wrong = agent.connect();
  EXPECT_FALSE(wrong.resume(std::string(wire::kKeySize, 'x'), 9));
  EXPECT_EQ(wrong.goodbye->code, ErrorCode::Unauthenticated);
  TestClient again = agent.connect();
  EXPECT_FALSE(again.first(std::string(wire::kKeySize, 'x'), {}, 10));
  EXPECT_EQ(again.goodbye->code, ErrorCode::Unauthenticated);
  EXPECT_EQ(first.shell("echo undisturbed").out, "undisturbed\n");
}

TEST_P(AgentSessionTest, AnOldEpochIsRefusedAndANewerOneTakesOver) {
  TestAgent agent(GetParam());
  TestClient first = agent.begin();
  TestClient old = agent.connect();
  EXPECT_FALSE(old.resume(agent.key, 1));
  EXPECT_EQ(old.goodbye->code, ErrorCode::Conflict);
  TestClient newer = agent.connect();
  ASSERT_TRUE(newer.resume(agent.key, 7));
  EXPECT_TRUE(first.waitForEnd());
  EXPECT_EQ(first.goodbye->code, ErrorCode::Conflict);
  EXPECT_EQ(newer.shell("echo mine").out, "mine\n");
}

TEST_P(AgentSessionTest, HalfAFrameOfADeadHostDisturbsNobody) {
  TestAgent agent(GetParam());
  {
    TestClient dying = agent.begin();
    std::string frame;
    wire::encodeFrame(frame, wire::FrameType::Open, 1, 1, std::string(1000, 'x'));
    dying.sendRaw(std::string_view(frame).substr(0, 500));
  }
  TestClient later = agent.connect();
  later.sendRaw("the tail of another frame AKAGEN");
  ASSERT_TRUE(later.resume(agent.key, 2));
  EXPECT_EQ(later.shell("echo fine").out, "fine\n");
}

TEST_P(AgentSessionTest, AMalformedFrameEndsTheSessionButNotTheAgent) {
  const std::string bad[] = {
      std::string("\xff\xff\xff\xff\1\0\0\0\x12\1\0\0", 12),  // huge
      std::string("\0\0\0\0\1\0\0\0\x63\0\0\0", 12),          // unknown type
      std::string("\0\0\0\0\1\0\0\0\x12\1\1\0", 12),          // reserved bits
      std::string("\0\0\0\0\2\0\0\0\x10\1\0\0", 12),          // the guest's stream number
      std::string("\0\0\0\0\x63\0\0\0\x12\0\0\0", 12),        // data for a stream never opened
  };
  TestAgent agent(GetParam());
  std::uint64_t epoch = 1;
  {
    TestClient first = agent.begin();
  }
  for (const std::string& bytes : bad) {
    TestClient client = agent.connect();
    ASSERT_TRUE(client.resume(agent.key, ++epoch));
    client.sendRaw(bytes);
    EXPECT_TRUE(client.waitForEnd());
    EXPECT_EQ(client.goodbye->code, ErrorCode::Protocol);
  }
  TestClient last = agent.connect();
  ASSERT_TRUE(last.resume(agent.key, ++epoch));
  EXPECT_EQ(last.shell("echo fine").out, "fine\n");
}

TEST_P(AgentSessionTest, DataBeyondTheCreditEndsTheSession) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t stream = client.openExec(shellCommand("sleep 1000"));
  for (int i = 0; i < 14; ++i) {  // 256 KiB of credit, 64 KiB of pipe, and more
    client.send(wire::FrameType::Data, stream, wire::kStdin, std::string(wire::kChunk, 'x'));
  }
  EXPECT_TRUE(client.waitForEnd());
  EXPECT_EQ(client.goodbye->code, ErrorCode::Protocol);
}

TEST_P(AgentSessionTest, InputThatCrossesTheEndOfACommandIsDropped) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const std::uint32_t stream = client.openExec(command({"true"}));
  // Not answered with Close yet: the host writes on before it has seen the agent's.
  for (auto frame = client.nextNews(); frame && frame->type != wire::FrameType::Close;) {
    frame = client.nextNews();
  }
  client.send(wire::FrameType::Data, stream, wire::kStdin, std::string(1000, 'x'));
  client.send(wire::FrameType::End, stream, wire::kStdin, {});
  client.send(wire::FrameType::Ping, 0, 0, "12345678");
  const auto answer = client.next();
  ASSERT_TRUE(answer) << "the session ended";
  EXPECT_EQ(answer->type, wire::FrameType::Pong);  // no credit after a Close
}

TEST_P(AgentSessionTest, PingIsAnswered) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  client.send(wire::FrameType::Ping, 0, 0, "12345678");
  EXPECT_EQ(client.next(), (wire::Frame{wire::FrameType::Pong, 0, 0, "12345678"}));
}

TEST_P(AgentSessionTest, ReservedServicesAreUnsupported) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  for (const int service : {5, 200}) {
    client.open(static_cast<wire::Service>(service), "");
    EXPECT_EQ(wire::decodeError(client.next()->payload).code, ErrorCode::Unsupported);
  }
}

TEST_P(AgentSessionTest, StatsKnowTheRunningProcesses) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  client.openExec(shellCommand("echo up; sleep 1000"));
  while (client.nextNews()->type != wire::FrameType::Data) {
  }
  client.open(wire::Service::Stats, "");
  const auto stats = wire::decodeGuestStats(client.nextNews()->payload);
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->execs, 1U);
  EXPECT_GE(stats->processes, 2U);
  EXPECT_GT(stats->memory_bytes, stats->agent_bytes);
  EXPECT_GT(stats->agent_bytes, 0U);
}

// The proof of flow control: nobody reads one stream, whose command writes without end; others run
// at speed, and the agent's memory stays where it was.
TEST_P(AgentSessionTest, AReaderThatNeverReadsHoldsUpNobodyAndCostsNoMemory) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  for (int i = 0; i < 4; ++i) {
    client.openExec(command({"cat", "/dev/zero"}));
  }
  EXPECT_EQ(client.shell("echo warm").out, "warm\n");
  [[maybe_unused]] const std::size_t before = agent.residentBytes();
  const ExecOutcome bulk = client.shell("head -c 67108864 /dev/zero");
  EXPECT_EQ(bulk.out.size(), 67'108'864U);
  EXPECT_EQ(bulk.exit, wire::ExecExit{});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(client.shell("echo quick").out, "quick\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
#if !__has_feature(address_sanitizer)  // it keeps freed memory to catch whoever still uses it
  EXPECT_LT(agent.residentBytes(), before + 1024 * 1024);
#endif
}

TEST_P(AgentSessionTest, AThousandStreamsAreServedAndOneTooManyIsRefused) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  wire::FileRequest write;
  write.kind = wire::FileRequest::Kind::Write;
  write.path = agent.directory() + "/f";
  for (std::size_t i = 0; i < wire::kMaxStreams; ++i) {
    client.open(wire::Service::File, wire::encode(write));
  }
  const std::uint32_t over = client.open(wire::Service::File, wire::encode(write));
  std::size_t capacity = 0;
  // Descriptors may run out first (2 per write); each refusal is typed.
  for (;;) {
    const auto frame = client.nextNews();
    ASSERT_TRUE(frame && frame->type == wire::FrameType::Reset);
    EXPECT_EQ(wire::decodeError(frame->payload).code, ErrorCode::Capacity);
    ++capacity;
    if (frame->stream == over) {
      break;
    }
  }
  EXPECT_GE(capacity, 1U);
}

TEST(AgentInitTest, AGuestProcessThatReachesTheSocketIsRefused) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to make a pid namespace";
  }
  TestAgent agent(Role::Init);
  TestClient client = agent.begin();
  // The test agent shares our root, so its socket has a path here, as it never has in a sandbox.
  const std::string script = cat("import socket; s = socket.socket(socket.AF_UNIX); s.connect('",
                                 agent.directory(), "/socket'); print(len(s.recv(100)))");
  const ExecOutcome outcome = client.exec(command({"python3", "-c", script}));
  EXPECT_EQ(outcome.out, "0\n") << outcome.err;
}

TEST(AgentInitTest, OrphansAreReaped) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to make a pid namespace";
  }
  TestAgent agent(Role::Init);
  TestClient client = agent.begin();
  client.shell("for i in 1 2 3 4 5; do (sh -c 'exit 0' & ) ; done");
  // One that has just ended is one for a moment.
  const ExecOutcome outcome = client.shell(
      "for turn in $(seq 100); do grep -q 'State:.Z' /proc/[0-9]*/status || exit 0; sleep 0.02; "
      "done; grep -l 'State:.Z' /proc/[0-9]*/status");
  EXPECT_EQ(outcome.out, "");
}

}  // namespace
}  // namespace ak::guest::test
