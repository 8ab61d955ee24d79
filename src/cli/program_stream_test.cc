// Bytes, signals and failures between the terminal and a scripted daemon's stream.
#include <atomic>
#include <future>

#include "cli/testing/program_fixture.h"
#include "model/run_request_json.h"

namespace ak::cli {
namespace {

using client::testing::Peer;
using client::testing::ScriptedServer;
using model::StreamFrame;
using model::StreamKind;
using testing::ended;
using testing::Finished;
using testing::Program;
using testing::Words;

class ProgramStreamTest : public testing::ProgramFixture {};

TEST_F(ProgramStreamTest, BinaryInputComesBackUnmangledAndToItsEnd) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    StreamFrame frame;
    while (peer.next(frame) && frame.kind == StreamKind::Stdin) {
      peer.frame(StreamKind::Stdout, frame.payload);
    }
    peer.frame(StreamKind::Stderr, "end");
    peer.frame(StreamKind::Exit, frame.kind == StreamKind::StdinEnd ? R"({"exit_code":3})" : "{}");
  });
  std::string bytes;
  for (int i = 0; i < 50000; ++i) {
    bytes += static_cast<char>(i * 7);
  }
  const Finished finished = run({"run", "cat"}, bytes);
  EXPECT_EQ(finished.out, bytes);
  EXPECT_EQ(finished.err, "end");
  EXPECT_EQ(finished.status, 3);
}

TEST_F(ProgramStreamTest, OutputSplitIntoSingleBytesIsWhole) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    std::string bytes = "HTTP/1.1 101 Go\r\nUpgrade: agentkernel\r\n\r\n";
    model::appendStreamFrame(bytes, StreamKind::Stdout, "hel");
    model::appendStreamFrame(bytes, StreamKind::Stdout, "");
    model::appendStreamFrame(bytes, StreamKind::Stdout, "lo\n");
    model::appendStreamFrame(bytes, StreamKind::Exit, R"({"exit_code":0})");
    peer.sayByteByByte(bytes);
  });
  EXPECT_EQ(run({"run", "x"}).out, "hello\n");
}

TEST_F(ProgramStreamTest, ADaemonThatDiesInTheMiddleIsOurFailure) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    peer.frame(StreamKind::Stdout, "half");
  });
  const Finished finished = run({"run", "x"});
  EXPECT_EQ(finished.status, 125);
  EXPECT_EQ(finished.out, "half");
  EXPECT_TRUE(finished.err.contains("went away")) << finished.err;
}

TEST_F(ProgramStreamTest, AMalformedFrameIsOurFailure) {
  for (const char* exit : {"{", "[]", R"({"exit_code":"0"})", R"({"exit_code":999})"}) {
    const ScriptedServer server(socket(), ended(exit));
    EXPECT_EQ(run({"run", "x"}).status, 125) << exit;
  }
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    peer.say("\xff garbage that is longer than a header");
  });
  EXPECT_EQ(run({"run", "x"}).status, 125);
}

TEST_F(ProgramStreamTest, SignalsAreForwardedAndTheSecondLeavesAtOnce) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    peer.frame(StreamKind::Stdout, "up\n");
    StreamFrame frame;
    while (peer.next(frame)) {
      if (frame.kind == StreamKind::Signal) {
        peer.frame(StreamKind::Stdout, frame.payload);
      }
    }
  });
  Program program(words({"run", "x"}), variables());
  char buffer[16];
  ASSERT_EQ(::read(program.output(), buffer, sizeof buffer), 3);
  program.signal(SIGTERM);
  ASSERT_EQ(::read(program.output(), buffer, sizeof buffer), 1);
  EXPECT_EQ(buffer[0], SIGTERM);
  program.signal(SIGINT);
  ASSERT_EQ(::read(program.output(), buffer, sizeof buffer), 1);
  EXPECT_EQ(buffer[0], SIGINT);
  program.signal(SIGINT);
  EXPECT_EQ(program.finish().status, 128 + SIGINT);
}

TEST_F(ProgramStreamTest, AReaderThatLeavesEndsTheRun) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    while (peer.frame(StreamKind::Stdout, std::string(32768, 'y'))) {
    }
  });
  Program program(words({"run", "yes"}), variables());
  char buffer[16];
  ASSERT_GT(::read(program.output(), buffer, sizeof buffer), 0);
  program.closeOutput();
  EXPECT_EQ(program.finish().status, 128 + SIGPIPE);
}

TEST_F(ProgramStreamTest, ASlowReaderStopsTheDaemonNotOurMemory) {
  std::atomic<std::size_t> sent = 0;
  std::promise<void> given_up;
  const ScriptedServer server(socket(), [&](Peer& peer) {
    peer.switchProtocols();
    // Blocks once the socket, one frame and the pipe are full; far below what is offered.
    ::timeval patience{.tv_sec = 0, .tv_usec = 300000};
    ::setsockopt(peer.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    while (sent < (64U << 20U) && peer.frame(StreamKind::Stdout, std::string(32768, 'y'))) {
      sent += 32768;
    }
    given_up.set_value();
  });
  Program program(words({"run", "yes"}), variables());
  // Nobody reads until the daemon has given up and closed.
  given_up.get_future().wait();
  const Finished finished = program.finish();
  EXPECT_EQ(finished.status, 125);
  EXPECT_LT(sent, 64U << 20U);
}

}  // namespace
}  // namespace ak::cli
