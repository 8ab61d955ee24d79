// Connections to ports in the sandbox against a guest that says whatever it wants.
#include "channel/relay_stream.h"

#include <gtest/gtest.h>

#include "channel/hostile_guest.h"
#include "net/loop.h"
#include "net/task_group.h"
#include "wire/error.h"

namespace ak::channel {
namespace {

using wire::FrameType;
using Protocol = wire::RelayRequest::Protocol;
using AgentPtr = std::shared_ptr<Agent>;
using RelayPtr = std::unique_ptr<Relay>;

net::Task<Result<AgentPtr>> open(net::Executor executor, HostileGuest& guest) {
  wire::SandboxRules rules;
  std::string key(wire::kKeySize, 'k');
  co_return co_await openFirstSession(executor, guest.takeHostEnd(), std::move(key),
                                      std::move(rules));
}

// Connected, and then this.
HostileGuest::Script connected(HostileGuest::Script then) {
  return [then = std::move(then)](HostileGuest& guest) {
    guest.shakeHands();
    const auto request = guest.nextOf(FrameType::Open);
    EXPECT_EQ(request.channel, static_cast<std::uint8_t>(wire::Service::Relay));
    EXPECT_EQ(wire::decodeRelayRequest(request.payload)->port, 80);
    guest.frame(FrameType::Reply, 1, 0, "");
    then(guest);
  };
}

// All that comes, in the pieces in which it is given.
net::Task<Result<std::vector<std::string>>> readAll(net::Executor executor,
                                                    HostileGuest& guest,
                                                    Protocol protocol) {
  auto opened = co_await open(executor, guest);
  const AgentPtr agent = AK_CO_TRY(std::move(opened));
  const wire::RelayRequest request{protocol, 80};
  auto dialled = co_await agent->relay(request);
  const RelayPtr relay = AK_CO_TRY(std::move(dialled));
  std::vector<std::string> pieces;
  for (;;) {
    auto next = co_await relay->next();
    auto piece = AK_CO_TRY(std::move(next));
    if (!piece) {
      break;
    }
    pieces.push_back(*std::move(piece));
  }
  const Status written = co_await relay->write("answer");
  AK_CO_TRY(written);
  AK_CO_TRY(relay->endWriting());
  const Status finished = co_await relay->finish(std::chrono::seconds(20));
  AK_CO_TRY(finished);
  co_return pieces;
}

Result<std::vector<std::string>> piecesOf(Protocol protocol, HostileGuest::Script script) {
  net::Loop loop;
  HostileGuest guest(std::move(script));
  return loop.runUntilDone(readAll(loop.executor(), guest, protocol));
}

TEST(RelayStreamTest, TheGuestsEndLeavesOurHalfOpen) {
  const auto pieces = piecesOf(Protocol::Tcp, connected([](HostileGuest& guest) {
                                 guest.frame(FrameType::Data, 1, wire::kStdout, "hello");
                                 guest.frame(FrameType::End, 1, wire::kStdout, "");
                                 EXPECT_EQ(guest.nextOf(FrameType::Data).payload, "answer");
                                 guest.nextOf(FrameType::End);
                                 guest.frame(FrameType::Close, 1, 0, "");
                                 EXPECT_EQ(guest.nextOf(FrameType::Close).stream, 1U);
                               }));
  ASSERT_TRUE(pieces) << pieces.error().message;
  EXPECT_EQ(*pieces, std::vector<std::string>{"hello"});
}

TEST(RelayStreamTest, DatagramsAreCutAnywhereAndComeWhole) {
  const auto pieces =
      piecesOf(Protocol::Udp, connected([](HostileGuest& guest) {
                 std::string bytes;
                 wire::encodeDatagram(bytes, "one");
                 wire::encodeDatagram(bytes, "");
                 wire::encodeDatagram(bytes, "three");
                 for (const char byte : bytes) {
                   guest.frame(FrameType::Data, 1, wire::kStdout, std::string_view(&byte, 1));
                 }
                 guest.frame(FrameType::End, 1, wire::kStdout, "");
                 EXPECT_EQ(guest.nextOf(FrameType::Data).payload, std::string("\x06\0answer", 8));
                 guest.frame(FrameType::Close, 1, 0, "");
                 guest.nextOf(FrameType::Close);
               }));
  ASSERT_TRUE(pieces) << pieces.error().message;
  EXPECT_EQ(*pieces, (std::vector<std::string>{"one", "", "three"}));
}

TEST(RelayStreamTest, AGuestThatSaysWhatCannotBeIsATypedError) {
  const auto codeOf = [](Protocol protocol, FrameType type, std::uint8_t channel,
                         std::string payload) {
    return piecesOf(protocol, connected([=](HostileGuest& guest) {
                      guest.frame(type, 1, channel, payload);
                      guest.nextOf(FrameType::Goodbye);
                    }))
        .error()
        .code;
  };
  EXPECT_EQ(codeOf(Protocol::Udp, FrameType::Data, wire::kStdout, "\xff\xff"), ErrorCode::Protocol);
  EXPECT_EQ(codeOf(Protocol::Tcp, FrameType::Data, wire::kStderr, "x"), ErrorCode::Protocol);
  EXPECT_EQ(codeOf(Protocol::Tcp, FrameType::Reply, 0, "x"), ErrorCode::Protocol);
}

TEST(RelayStreamTest, DataBehindItsEndEndsTheSession) {
  const auto pieces = piecesOf(Protocol::Tcp, connected([](HostileGuest& guest) {
                                 guest.frame(FrameType::End, 1, wire::kStdout, "");
                                 guest.frame(FrameType::Data, 1, wire::kStdout, "late");
                                 guest.nextOf(FrameType::Goodbye);
                               }));
  EXPECT_FALSE(pieces);
}

TEST(RelayStreamTest, ARefusedConnectionIsTheAgentsError) {
  const auto pieces = piecesOf(Protocol::Tcp, [](HostileGuest& guest) {
    guest.shakeHands();
    guest.nextOf(FrameType::Open);
    guest.frame(FrameType::Reset, 1, 0,
                wire::encodeError(Error::make(ErrorCode::Unavailable, "nothing\x1b listens")));
    guest.nextOf(FrameType::Goodbye);
  });
  EXPECT_EQ(pieces.error().code, ErrorCode::Unavailable);
  EXPECT_FALSE(pieces.error().message.contains('\x1b'));
}

TEST(RelayStreamTest, AnOlderAgentIsUnsupported) {
  net::Loop loop;
  HostileGuest guest([](HostileGuest& self) {
    self.shakeHands();  // without capabilities
    const wire::Frame ping = self.nextOf(FrameType::Ping);
    self.frame(FrameType::Pong, 0, 0, ping.payload);
    EXPECT_NE(self.next().type, FrameType::Open) << "it was not even asked";
  });
  auto work = [&]() -> net::Task<ErrorCode> {
    auto agent = co_await open(loop.executor(), guest);
    (void)co_await (*agent)->ping();
    const wire::RelayRequest request{Protocol::Tcp, 80};
    co_return (co_await (*agent)->relay(request)).error().code;
  };
  EXPECT_EQ(loop.runUntilDone(work()), ErrorCode::Unsupported);
}

// The guest opens streams (even numbers) of its own accord: none leads anywhere.
TEST(RelayStreamTest, AGuestCannotOpenRelays) {
  const auto pieces = piecesOf(
      Protocol::Tcp, connected([](HostileGuest& guest) {
        for (std::uint32_t number : {2U, 4U}) {
          guest.frame(FrameType::Open, number, static_cast<std::uint8_t>(wire::Service::Relay),
                      wire::encode(wire::RelayRequest{Protocol::Tcp, 22}));
          const auto answer = guest.nextOf(FrameType::Reset);
          EXPECT_EQ(answer.stream, number);
          EXPECT_EQ(wire::decodeError(answer.payload).code, ErrorCode::Unsupported);
        }
        guest.frame(FrameType::End, 1, wire::kStdout, "");
        guest.nextOf(FrameType::End);
        guest.frame(FrameType::Close, 1, 0, "");
        guest.nextOf(FrameType::Close);
      }));
  EXPECT_TRUE(pieces);
}

TEST(RelayStreamTest, MoreThanItsWindowEndsTheSession) {
  net::Loop loop;
  HostileGuest guest(connected([](HostileGuest& self) {
    const std::string chunk(wire::kChunk, 'x');
    while (self.frame(FrameType::Data, 1, wire::kStdout, chunk)) {
    }
  }));
  auto work = [&]() -> net::Task<ErrorCode> {
    auto agent = co_await open(loop.executor(), guest);
    const wire::RelayRequest request{Protocol::Tcp, 80};
    const auto relay = co_await (*agent)->relay(request);
    // Nobody reads it: one window is kept, and the byte behind it is the end.
    co_return (co_await (*agent)->ping()).error().code;
  };
  EXPECT_EQ(loop.runUntilDone(work()), ErrorCode::Protocol);
}

TEST(RelayStreamTest, AbortWakesWhoWaits) {
  net::Loop loop;
  HostileGuest guest(connected([](HostileGuest& self) {
    EXPECT_EQ(self.nextOf(FrameType::Reset).stream, 1U);
    self.nextOf(FrameType::Goodbye);
  }));
  auto work = [&]() -> net::Task<ErrorCode> {
    auto agent = co_await open(loop.executor(), guest);
    const wire::RelayRequest request{Protocol::Tcp, 80};
    const auto dialled = co_await (*agent)->relay(request);
    const RelayPtr& relay = *dialled;
    net::TaskGroup other(loop.executor());
    other.spawn([](Relay& it) -> net::Task<void> {
      it.abort();
      co_return;
    }(*relay));
    const auto next = co_await relay->next();
    co_await other.join();
    co_return next.error().code;
  };
  EXPECT_EQ(loop.runUntilDone(work()), ErrorCode::Cancelled);
}

}  // namespace
}  // namespace ak::channel
