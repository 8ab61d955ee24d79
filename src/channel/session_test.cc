#include <gtest/gtest.h>

#include "base/text.h"
#include "channel/agent.h"
#include "channel/hostile_guest.h"
#include "net/loop.h"
#include "net/task_group.h"
#include "wire/error.h"

namespace ak::channel {
namespace {

using wire::FrameType;

const std::string kKey(wire::kKeySize, 'k');

wire::ExecRequest command() {
  wire::ExecRequest request;
  request.argv = {"true"};
  return request;
}

// Opens a first session to the guest, starts one exec and reads it to its end; the Error that came.
net::Task<Result<std::string>> outputOf(net::Executor executor, HostileGuest& guest) {
  wire::SandboxRules rules;
  auto opened = co_await openFirstSession(executor, guest.takeHostEnd(), kKey, std::move(rules));
  auto agent = AK_CO_TRY(std::move(opened));
  auto started = co_await agent->exec(command());
  auto exec = AK_CO_TRY(std::move(started));
  std::string output;
  for (;;) {
    auto got = co_await exec->next();
    auto event = AK_CO_TRY(std::move(got));
    if (event.kind == ExecStream::Event::Kind::Exit) {
      co_return output;
    }
    output += event.data;
  }
}

Result<std::string> runAgainst(HostileGuest::Script script) {
  net::Loop loop;
  HostileGuest guest(std::move(script));
  return loop.runUntilDone(outputOf(loop.executor(), guest));
}

void startExec(HostileGuest& guest) {
  guest.shakeHands();
  const auto open = guest.nextOf(FrameType::Open);
  guest.frame(FrameType::Reply, open.stream, 0, wire::encode(wire::ExecStarted{7}));
}

TEST(SessionTest, AGuestThatBehavesIsServed) {
  const auto output = runAgainst([](HostileGuest& guest) {
    startExec(guest);
    guest.frame(FrameType::Data, 1, wire::kStdout, "hello");
    guest.frame(FrameType::Reply, 1, 0, wire::encode(wire::ExecExit{}));
    guest.frame(FrameType::Close, 1, 0, "");
    guest.nextOf(FrameType::Close);
  });
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(*output, "hello");
}

TEST(SessionTest, PreambleHelloAndFirstRequestLeaveInOneWrite) {
  std::string first;
  {
    net::Loop loop;
    HostileGuest guest([&first](HostileGuest& self) { first = self.read(); },
                       sys::SocketKind::SeqPacket);
    EXPECT_FALSE(loop.runUntilDone(outputOf(loop.executor(), guest)));
  }
  ASSERT_GT(first.size(), wire::kPreambleSize);
  wire::FrameDecoder decoder;
  decoder.feed(std::string_view(first).substr(wire::kPreambleSize));
  wire::Frame frame;
  ASSERT_EQ(decoder.next(frame), wire::FrameDecoder::State::Ready);
  EXPECT_EQ(frame.type, FrameType::Hello);
  ASSERT_EQ(decoder.next(frame), wire::FrameDecoder::State::Ready);
  EXPECT_EQ(frame.type, FrameType::Open);
}

struct Attack {
  const char* name;
  ErrorCode expected;
  HostileGuest::Script script;
};

class HostileGuestTest : public testing::TestWithParam<Attack> {};

TEST_P(HostileGuestTest, EndsInATypedError) {
  const auto output = runAgainst(GetParam().script);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, GetParam().expected) << output.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Attacks,
    HostileGuestTest,
    testing::Values(Attack{"ClosesAtOnce", ErrorCode::Unavailable, [](HostileGuest&) {}},
                    Attack{"HalfAFrame", ErrorCode::Unavailable,
                           [](HostileGuest& guest) {
                             startExec(guest);
                             guest.write(std::string_view("\x10\0\0\0\x01", 5));
                           }},
                    Attack{"NoiseBeforeThePreamble", ErrorCode::Protocol,
                           [](HostileGuest& guest) {
                             const std::string noise(64 * 1024, 'x');
                             while (guest.write(noise)) {
                             }
                           }},
                    Attack{"NoiseAfterThePreamble", ErrorCode::Protocol,
                           [](HostileGuest& guest) {
                             guest.shakeHands();
                             guest.write(std::string(64, '\xff'));
                             guest.read();
                           }},
                    Attack{"SecondHello", ErrorCode::Protocol,
                           [](HostileGuest& guest) {
                             guest.shakeHands();
                             guest.frame(FrameType::Hello, 0, 0, wire::encodeGuestHello({}));
                             guest.nextOf(FrameType{});
                           }},
                    Attack{"ReplyOnAStreamThatNeverWas", ErrorCode::Protocol,
                           [](HostileGuest& guest) {
                             startExec(guest);
                             guest.frame(FrameType::Reply, 99, 0, "");
                             guest.nextOf(FrameType{});
                           }},
                    Attack{"AbsurdCredit", ErrorCode::Protocol,
                           [](HostileGuest& guest) {
                             startExec(guest);
                             guest.frame(FrameType::Credit, 1, wire::kStdin, "\xff\xff\xff\xff");
                             guest.nextOf(FrameType{});
                           }},
                    Attack{"OutputOnTheInputChannel", ErrorCode::Protocol,
                           [](HostileGuest& guest) {
                             startExec(guest);
                             guest.frame(FrameType::Data, 1, wire::kStdin, "x");
                             guest.nextOf(FrameType{});
                           }},
                    Attack{"CloseWithoutExit", ErrorCode::Protocol,
                           [](HostileGuest& guest) {
                             startExec(guest);
                             guest.frame(FrameType::Close, 1, 0, "");
                             guest.nextOf(FrameType{});
                           }},
                    Attack{"AMillionTinyFrames", ErrorCode::Protocol,
                           [](HostileGuest& guest) {
                             startExec(guest);
                             std::string burst;
                             for (int i = 0; i < 10'000; ++i) {
                               wire::encodeFrame(burst, FrameType::Data, 1, wire::kStdout, "");
                             }
                             for (int i = 0; i < 100 && guest.write(burst); ++i) {
                             }
                             guest.nextOf(FrameType{});
                           }},
                    Attack{"PingsWithoutEnd", ErrorCode::Protocol,
                           [](HostileGuest& guest) {
                             startExec(guest);
                             std::string burst;
                             for (int i = 0; i < 10'000; ++i) {
                               wire::encodeFrame(burst, FrameType::Ping, 0, 0, "12345678");
                             }
                             while (guest.write(burst)) {
                             }
                           }},
                    Attack{"RefusesWithAReason", ErrorCode::CommandNotFound,
                           [](HostileGuest& guest) {
                             guest.shakeHands();
                             const auto open = guest.nextOf(FrameType::Open);
                             guest.frame(
                                 FrameType::Reset, open.stream, 0,
                                 wire::encodeError(Error::make(ErrorCode::CommandNotFound, "no")));
                             guest.nextOf(FrameType{});
                           }},
                    Attack{"NewerProtocol", ErrorCode::Unsupported,
                           [](HostileGuest& guest) {
                             guest.read();
                             guest.write(
                                 wire::encodePreamble({std::string(wire::kNonceSize, 'g'), 1}));
                             wire::GuestHello hello;
                             hello.version = 99;
                             guest.frame(FrameType::Hello, 0, 0, wire::encodeGuestHello(hello));
                             guest.read();
                           }}),
    [](const auto& info) { return std::string(info.param.name); });

// Nobody takes what comes in: the guest gets as far as its window and no further.
Status pingWhileNobodyReads(HostileGuest::Script script) {
  net::Loop loop;
  HostileGuest guest(std::move(script));
  auto work = [&]() -> net::Task<Status> {
    wire::SandboxRules rules;
    auto agent = co_await openFirstSession(loop.executor(), guest.takeHostEnd(), kKey, rules);
    auto exec = co_await (*agent)->exec(command());
    co_return co_await (*agent)->ping();
  };
  return loop.runUntilDone(work());
}

TEST(SessionTest, DataBeyondCreditEndsTheSession) {
  const Status ping = pingWhileNobodyReads([](HostileGuest& guest) {
    startExec(guest);
    guest.frame(FrameType::Data, 1, wire::kStderr, std::string(wire::kMaxPayload, 'd'));
    guest.frame(FrameType::Data, 1, wire::kStderr, "d");
    guest.nextOf(FrameType{});
  });
  ASSERT_FALSE(ping);
  EXPECT_EQ(ping.error().code, ErrorCode::Protocol) << ping.error().message;
}

TEST(SessionTest, RepliesWithoutEndEndTheSession) {
  const Status ping = pingWhileNobodyReads([](HostileGuest& guest) {
    startExec(guest);
    for (int i = 0; i < 20; ++i) {
      guest.frame(FrameType::Reply, 1, 0, "");
    }
    guest.nextOf(FrameType{});
  });
  ASSERT_FALSE(ping);
  EXPECT_EQ(ping.error().code, ErrorCode::Protocol) << ping.error().message;
}

TEST(SessionTest, AGuestOpenedStreamIsRefusedAndTheSessionGoesOn) {
  const auto output = runAgainst([](HostileGuest& guest) {
    startExec(guest);
    guest.frame(FrameType::Open, 2, 5, "");
    const auto reset = guest.nextOf(FrameType::Reset);
    EXPECT_EQ(reset.stream, 2U);
    EXPECT_EQ(wire::decodeError(reset.payload).code, ErrorCode::Unsupported);
    guest.frame(FrameType::Reply, 1, 0, wire::encode(wire::ExecExit{}));
    guest.nextOf(FrameType::Close);
  });
  EXPECT_TRUE(output) << output.error().message;
}

TEST(SessionTest, AStreamThatTheGuestClosedIsClosedByUsToo) {
  FrameType answer{};
  const auto output = runAgainst([&answer](HostileGuest& guest) {
    startExec(guest);
    // Together, so that the stream is over before its last reply is read.
    std::string both;
    wire::encodeFrame(both, FrameType::Reply, 1, 0, wire::encode(wire::ExecExit{}));
    wire::encodeFrame(both, FrameType::Close, 1, 0, {});
    guest.write(both);
    answer = guest.next().type;
  });
  EXPECT_TRUE(output) << output.error().message;
  EXPECT_EQ(answer, FrameType::Close);
}

TEST(SessionTest, CreditForMuchInputIsNoFlood) {
  constexpr int kWrites = 10'000;
  net::Loop loop;
  HostileGuest guest([](HostileGuest& self) {
    startExec(self);
    const char one[4] = {1, 0, 0, 0};
    for (int i = 0; i < kWrites; ++i) {
      self.nextOf(FrameType::Data);
      self.frame(FrameType::Credit, 1, wire::kStdin, {one, sizeof one});
    }
    self.frame(FrameType::Reply, 1, 0, wire::encode(wire::ExecExit{}));
    self.nextOf(FrameType::Close);
  });
  auto work = [&]() -> net::Task<Status> {
    wire::SandboxRules rules;
    auto agent = co_await openFirstSession(loop.executor(), guest.takeHostEnd(), kKey, rules);
    auto exec = co_await (*agent)->exec(command());
    for (int i = 0; i < kWrites; ++i) {
      const Status sent = co_await (*exec)->writeStdin("x");
      AK_CO_TRY(sent);
    }
    const auto exit = co_await (*exec)->next();
    co_return exit ? Status() : std::unexpected(exit.error());
  };
  const Status done = loop.runUntilDone(work());
  EXPECT_TRUE(done) << done.error().message;
}

TEST(SessionTest, AFloodingGuestDoesNotStopAnotherOne) {
  net::Loop loop;
  HostileGuest flood([](HostileGuest& guest) {
    startExec(guest);
    // Useful frames, so that no rule ends it: one byte each, as fast as credit comes.
    std::string burst;
    for (int i = 0; i < 1000; ++i) {
      wire::encodeFrame(burst, FrameType::Data, 1, wire::kStdout, "x");
    }
    for (int i = 0; i < 200 && guest.write(burst); ++i) {
    }
    guest.frame(FrameType::Reply, 1, 0, wire::encode(wire::ExecExit{}));
    guest.nextOf(FrameType::Close);
  });
  HostileGuest calm([](HostileGuest& guest) {
    guest.shakeHands();
    for (;;) {
      const auto ping = guest.nextOf(FrameType::Ping);
      if (ping.type != FrameType::Ping || !guest.frame(FrameType::Pong, 0, 0, ping.payload)) {
        return;
      }
    }
  });
  auto both = [&]() -> net::Task<int> {
    net::TaskGroup group(loop.executor());
    bool flooding = true;
    auto flooded = [&]() -> net::Task<void> {
      const auto output = co_await outputOf(loop.executor(), flood);
      EXPECT_TRUE(output) << output.error().message;
      EXPECT_EQ(output->size(), 200'000U);
      flooding = false;
    };
    // Counted in turns of this loop, not in answers of the other guest: how soon its thread gets a
    // processor is the machine's business. The flood is some 40 reads of the largest size.
    int turns = 0;
    auto bystander = [&]() -> net::Task<void> {
      while (flooding) {
        co_await net::yield();
        ++turns;
      }
    };
    group.spawn(flooded());
    group.spawn(bystander());
    wire::SandboxRules rules;
    auto agent = co_await openFirstSession(loop.executor(), calm.takeHostEnd(), kKey, rules);
    do {
      const Status pong = co_await (*agent)->ping();
      EXPECT_TRUE(pong);
    } while (flooding);
    co_await group.join();
    co_return turns;
  };
  EXPECT_GT(loop.runUntilDone(both()), 20);
}

TEST(SessionTest, AResumedSessionWithoutTheKeyIsRefused) {
  net::Loop loop;
  HostileGuest guest([](HostileGuest& self) {
    self.shakeHands(std::string(32, 'p'));
    self.read();
  });
  const auto agent =
      loop.runUntilDone(resumeSession(loop.executor(), guest.takeHostEnd(), kKey, 5));
  ASSERT_FALSE(agent);
  EXPECT_EQ(agent.error().code, ErrorCode::Unauthenticated);
}

TEST(SessionTest, CancellingAnExecResetsItsStream) {
  net::Loop loop;
  std::uint32_t reset = 0;
  {
    HostileGuest guest([&reset](HostileGuest& self) {
      startExec(self);
      reset = self.nextOf(FrameType::Reset).stream;
    });
    auto work = [&]() -> net::Task<void> {
      wire::SandboxRules rules;
      auto agent = co_await openFirstSession(loop.executor(), guest.takeHostEnd(), kKey, rules);
      auto exec = co_await (*agent)->exec(command());
      net::TaskGroup group(loop.executor());
      auto reader = [](std::unique_ptr<ExecStream> stream) -> net::Task<void> {
        (void)co_await stream->next();
      };
      group.spawn(reader(*std::move(exec)));
      co_await net::yield();
      group.cancel();
      co_await group.join();
    };
    loop.runUntilDone(work());
  }
  EXPECT_EQ(reset, 1U);
}

}  // namespace
}  // namespace ak::channel
