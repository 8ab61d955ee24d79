// Jobs against a guest that says whatever it wants.
#include "channel/job_stream.h"

#include <gtest/gtest.h>

#include "channel/hostile_guest.h"
#include "net/event.h"
#include "net/loop.h"
#include "wire/error.h"
#include "wire/job.h"

namespace ak::channel {
namespace {

using wire::FrameType;

using AgentPtr = std::shared_ptr<Agent>;

net::Task<Result<AgentPtr>> open(net::Executor executor, HostileGuest& guest) {
  wire::SandboxRules rules;
  std::string key(wire::kKeySize, 'k');
  co_return co_await openFirstSession(executor, guest.takeHostEnd(), std::move(key),
                                      std::move(rules));
}

struct Drained {
  wire::JobOffsets from;
  std::string out;
  std::string err;
  int code = 0;
};

// Attaches from {10, 20} and reads to the end.
net::Task<Result<Drained>> drain(net::Executor executor, HostileGuest& guest) {
  auto opened = co_await open(executor, guest);
  const AgentPtr agent = AK_CO_TRY(std::move(opened));
  auto attached = co_await agent->attachJob("0123abcd", {10, 20});
  const std::unique_ptr<JobStream> job = AK_CO_TRY(std::move(attached));
  Drained drained;
  drained.from = job->from();
  for (;;) {
    auto got = co_await job->next();
    const ExecStream::Event event = AK_CO_TRY(std::move(got));
    if (event.kind == ExecStream::Event::Kind::Exit) {
      drained.code = event.exit.code;
      co_return drained;
    }
    (event.kind == ExecStream::Event::Kind::Stdout ? drained.out : drained.err) += event.data;
    // Refused when the end has overtaken it.
    (void)job->acknowledge({drained.from.out + drained.out.size(), drained.from.err});
  }
}

Result<Drained> drainOf(HostileGuest::Script script) {
  net::Loop loop;
  HostileGuest guest(std::move(script));
  return loop.runUntilDone(drain(loop.executor(), guest));
}

// The host's request is read, and answered with this.
HostileGuest::Script attached(wire::JobOffsets from, HostileGuest::Script then) {
  return [from, then = std::move(then)](HostileGuest& guest) {
    guest.shakeHands();
    const auto request = guest.nextOf(FrameType::Open);
    EXPECT_EQ(request.channel, static_cast<std::uint8_t>(wire::Service::Job));
    EXPECT_EQ(wire::decodeJobRequest(request.payload)->from, (wire::JobOffsets{10, 20}));
    guest.frame(FrameType::Reply, 1, 0, wire::encode(wire::JobAttached{7, from, ""}));
    then(guest);
  };
}

TEST(JobStreamTest, OutputIsReadAndAcknowledged) {
  const auto drained = drainOf(attached({15, 20}, [](HostileGuest& guest) {
    guest.frame(FrameType::Data, 1, wire::kStdout, "hello");
    const auto control = guest.nextOf(FrameType::Control);
    EXPECT_EQ(wire::decodeJobAck(control.payload)->kept, (wire::JobOffsets{20, 20}));
    guest.frame(FrameType::Data, 1, wire::kStderr, "oops");
    wire::ExecExit exit;
    exit.code = 3;
    guest.frame(FrameType::Reply, 1, 0, wire::encode(exit));
    guest.frame(FrameType::Close, 1, 0, "");
    guest.nextOf(FrameType::Close);
  }));
  ASSERT_TRUE(drained) << drained.error().message;
  EXPECT_EQ(drained->from, (wire::JobOffsets{15, 20}));
  EXPECT_EQ(drained->out, "hello");
  EXPECT_EQ(drained->err, "oops");
  EXPECT_EQ(drained->code, 3);
}

TEST(JobStreamTest, AGuestThatSaysWhatCannotBeIsATypedError) {
  const auto wait = [](HostileGuest& guest) { guest.nextOf(FrameType::Goodbye); };
  // Would write over what is in the log.
  EXPECT_EQ(drainOf(attached({9, 20}, wait)).error().code, ErrorCode::Protocol);
  EXPECT_EQ(drainOf(attached({10, 19}, wait)).error().code, ErrorCode::Protocol);
  // Would wrap sums.
  EXPECT_EQ(drainOf(attached({UINT64_MAX, 20}, wait)).error().code, ErrorCode::Protocol);
  EXPECT_EQ(drainOf(attached({10, 20},
                             [](HostileGuest& guest) {
                               guest.frame(FrameType::Data, 1, wire::kStdin, "x");
                               guest.nextOf(FrameType::Goodbye);
                             }))
                .error()
                .code,
            ErrorCode::Protocol);
  EXPECT_EQ(drainOf(attached({10, 20},
                             [](HostileGuest& guest) {
                               guest.frame(FrameType::Reply, 1, 0, "\xff\xff");
                               guest.nextOf(FrameType::Goodbye);
                             }))
                .error()
                .code,
            ErrorCode::Protocol);
}

TEST(JobStreamTest, AListOfTooManyIsRefused) {
  net::Loop loop;
  HostileGuest guest([](HostileGuest& self) {
    self.shakeHands();
    self.nextOf(FrameType::Open);
    std::vector<wire::JobSummary> jobs;
    for (std::size_t i = 0; i <= wire::kMaxJobs; ++i) {
      std::string id = "00000000" + std::to_string(i);
      jobs.push_back({id.substr(id.size() - 8), 1, false});
    }
    self.frame(FrameType::Reply, 1, 0, wire::encode(jobs));
    self.nextOf(FrameType::Goodbye);
  });
  auto work = [&]() -> net::Task<Result<std::vector<wire::JobSummary>>> {
    auto opened = co_await open(loop.executor(), guest);
    const AgentPtr agent = AK_CO_TRY(std::move(opened));
    co_return co_await agent->listJobs();
  };
  EXPECT_EQ(loop.runUntilDone(work()).error().code, ErrorCode::Protocol);
}

// What the host types is answered by this.
Status typeOn(HostileGuest::Script then) {
  net::Loop loop;
  HostileGuest guest([then = std::move(then)](HostileGuest& self) {
    self.shakeHands();
    const auto request = self.nextOf(FrameType::Open);
    EXPECT_EQ(wire::decodeJobRequest(request.payload)->kind, wire::JobRequest::Kind::Type);
    then(self);
  });
  auto work = [&]() -> net::Task<Status> {
    auto opened = co_await open(loop.executor(), guest);
    const AgentPtr agent = AK_CO_TRY(std::move(opened));
    auto typing = co_await agent->typeOnJob("0123abcd");
    const std::unique_ptr<JobTerminal> terminal = AK_CO_TRY(std::move(typing));
    wire::ExecControl resize;
    resize.window = {20, 80};
    (void)terminal->control(resize);
    const std::string keys(2 * wire::kInitialCredit, 'x');
    Status typed = co_await terminal->write(keys);
    AK_CO_TRY(typed);
    const Status ended = terminal->endOfFile();
    // Until the guest has read it all: its socket is cut with this scope.
    net::Event over(loop.executor());
    agent->onClosed([&over](const Error&) { over.notifyAll(); });
    if (agent->alive()) {
      co_await over.wait();
    }
    co_return ended;
  };
  return loop.runUntilDone(work());
}

TEST(JobTerminalTest, KeysSizesAndTheEndGoToTheGuest) {
  const Status typed = typeOn([](HostileGuest& guest) {
    guest.frame(FrameType::Reply, 1, 0, "");
    std::size_t got = 0;
    bool resized = false;
    for (auto frame = guest.next(); frame.type != FrameType{}; frame = guest.next()) {
      if (frame.type == FrameType::Control) {
        resized = wire::decodeExecControl(frame.payload)->window == wire::WindowSize{20, 80};
      } else if (frame.type == FrameType::End) {
        EXPECT_EQ(frame.channel, wire::kStdin);
        break;
      } else if (frame.type == FrameType::Data) {
        got += frame.payload.size();
        if (got == wire::kInitialCredit) {
          std::string credit;
          wire::encodeCredit(credit, 1, wire::kStdin, wire::kInitialCredit);
          guest.write(credit);
        }
      }
    }
    EXPECT_TRUE(resized);
    EXPECT_EQ(got, 2 * wire::kInitialCredit) << "no more than a window without credit";
  });
  EXPECT_TRUE(typed) << typed.error().message;
}

TEST(JobTerminalTest, AGuestThatEndsOrRefusesItIsATypedError) {
  const auto closed = typeOn([](HostileGuest& guest) {
    guest.frame(FrameType::Reply, 1, 0, "");
    guest.nextOf(FrameType::Data);
    guest.frame(FrameType::Close, 1, 0, "");
    guest.nextOf(FrameType::Close);
  });
  EXPECT_EQ(closed.error().code, ErrorCode::Conflict);
  const auto refused = typeOn([](HostileGuest& guest) {
    const Error error = Error::make(ErrorCode::Conflict, "the job has no terminal");
    guest.frame(FrameType::Reset, 1, 0, wire::encodeError(error));
    guest.nextOf(FrameType::Goodbye);
  });
  EXPECT_EQ(refused.error().code, ErrorCode::Conflict);
  const auto flooded = typeOn([](HostileGuest& guest) {
    guest.frame(FrameType::Reply, 1, 0, "");
    const std::string piece(wire::kChunk, 'x');
    while (guest.frame(FrameType::Data, 1, wire::kStdout, piece)) {
    }
  });
  EXPECT_FALSE(flooded) << "it may send a window and no more";
}

}  // namespace
}  // namespace ak::channel
