#pragma once

#include "guest/agent_fixture.h"
#include "wire/job.h"

namespace ak::guest::test {

using Kind = wire::JobRequest::Kind;

// What tests of jobs ask an agent.
class JobTest : public AgentTest {
 protected:
  static wire::JobRequest request(Kind kind, const std::string& id) {
    wire::JobRequest asked;
    asked.kind = kind;
    asked.id = id;
    return asked;
  }

  static wire::JobRequest job(const std::string& id, const std::string& script) {
    wire::JobRequest asked = request(Kind::Start, id);
    asked.exec = shellCommand(script);
    asked.exec.close_stdin = true;
    return asked;
  }

  static std::uint32_t open(TestClient& client, const wire::JobRequest& asked) {
    return client.open(wire::Service::Job, wire::encode(asked));
  }

  // The answer of a request that has only one; an Error is the agent's.
  static Result<std::string> ask(TestClient& client, const wire::JobRequest& asked) {
    const std::uint32_t stream = open(client, asked);
    std::string reply;
    while (auto frame = client.nextNews()) {
      if (frame->stream != stream) {
        continue;
      }
      if (frame->type == wire::FrameType::Reset) {
        return std::unexpected(wire::decodeError(frame->payload));
      }
      if (frame->type == wire::FrameType::Close) {
        client.send(wire::FrameType::Close, stream, 0, {});
        return reply;
      }
      reply = frame->payload;
    }
    return fail(ErrorCode::Unavailable, "no answer");
  }

  // Reads an attached stream to its end, acknowledging all that comes.
  struct Attached {
    wire::JobOffsets from;
    ExecOutcome outcome;
  };

  static Attached collect(TestClient& client, std::uint32_t stream) {
    Attached got;
    bool first = true;
    wire::JobOffsets kept;
    while (auto frame = client.nextNews()) {
      if (frame->stream != stream) {
        continue;
      }
      switch (frame->type) {
        case wire::FrameType::Reply:
          if (std::exchange(first, false)) {
            got.from = wire::decodeJobAttached(frame->payload)->from;
            kept = got.from;
          } else {
            got.outcome.exit = *wire::decodeExecExit(frame->payload);
          }
          break;
        case wire::FrameType::Data: {
          const bool out = frame->channel == wire::kStdout;
          (out ? got.outcome.out : got.outcome.err) += frame->payload;
          (out ? kept.out : kept.err) += frame->payload.size();
          client.grant(stream, frame->channel, static_cast<std::uint32_t>(frame->payload.size()));
          client.send(wire::FrameType::Control, stream, 0, wire::encode(wire::JobAck{kept}));
          break;
        }
        case wire::FrameType::Close:
          client.send(wire::FrameType::Close, stream, 0, {});
          return got;
        case wire::FrameType::Reset:
          got.outcome.reset = wire::decodeError(frame->payload);
          return got;
        default:
          break;
      }
    }
    return got;
  }

  static Attached run(TestClient& client, const wire::JobRequest& asked) {
    return collect(client, open(client, asked));
  }

  static Attached attach(TestClient& client, const std::string& id, wire::JobOffsets from = {}) {
    wire::JobRequest asked = request(Kind::Attach, id);
    asked.from = from;
    return run(client, asked);
  }

  static std::vector<wire::JobSummary> list(TestClient& client) {
    const auto reply = ask(client, request(Kind::List, ""));
    EXPECT_TRUE(reply) << reply.error().message;
    return reply ? *wire::decodeJobList(*reply) : std::vector<wire::JobSummary>();
  }

  // Until the stream's next data or end.
  static bool readData(TestClient& client, std::uint32_t stream, std::string& seen) {
    while (auto frame = client.nextNews()) {
      if (frame->stream == stream && frame->type == wire::FrameType::Data) {
        seen += frame->payload;
        return true;
      }
      if (frame->type == wire::FrameType::Reset) {
        return false;
      }
    }
    return false;
  }
};

}  // namespace ak::guest::test
