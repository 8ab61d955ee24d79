// What the agent is asked about jobs.
#include "channel/job_stream.h"
#include "channel/reply.h"
#include "channel/session_agent.h"

namespace ak::channel {

using Kind = wire::JobRequest::Kind;

net::Task<Result<std::unique_ptr<JobStream>>> SessionAgent::attach(wire::JobRequest request) {
  const auto session = session_;
  StreamHandle stream = AK_CO_TRY(session->open(wire::Service::Job, wire::encode(request)));
  auto answer = co_await replyOf(stream);
  const std::string reply = AK_CO_TRY(std::move(answer));
  const wire::JobAttached attached = AK_CO_TRY(wire::decodeJobAttached(reply));
  if (attached.from.out < request.from.out || attached.from.err < request.from.err) {
    co_return fail(ErrorCode::Protocol, "the sandbox's agent begins before what it was asked for");
  }
  co_return std::make_unique<SessionJob>(std::move(stream), attached);
}

net::Task<Result<std::unique_ptr<JobStream>>> SessionAgent::startJob(std::string id,
                                                                     wire::ExecRequest request) {
  wire::JobRequest asked;
  asked.kind = Kind::Start;
  asked.id = std::move(id);
  asked.exec = std::move(request);
  return attach(std::move(asked));
}

net::Task<Result<std::unique_ptr<JobStream>>> SessionAgent::attachJob(std::string id,
                                                                      wire::JobOffsets from) {
  wire::JobRequest asked;
  asked.kind = Kind::Attach;
  asked.id = std::move(id);
  asked.from = from;
  return attach(std::move(asked));
}

net::Task<Result<std::unique_ptr<JobTerminal>>> SessionAgent::typeOnJob(std::string id) {
  wire::JobRequest asked;
  asked.kind = Kind::Type;
  asked.id = std::move(id);
  const auto session = session_;
  StreamHandle stream = AK_CO_TRY(session->open(wire::Service::Job, wire::encode(asked)));
  const auto answer = co_await replyOf(stream);
  AK_CO_TRY(answer);
  co_return std::make_unique<SessionTerminal>(std::move(stream));
}

net::Task<Result<std::string>> SessionAgent::askJob(wire::JobRequest request,
                                                    std::chrono::milliseconds limit) {
  const auto session = session_;
  StreamHandle stream = AK_CO_TRY(session->open(wire::Service::Job, wire::encode(request)));
  auto answer = co_await replyOf(stream, limit);
  std::string reply = AK_CO_TRY(std::move(answer));
  stream.close();
  co_return reply;
}

net::Task<Result<std::vector<wire::JobSummary>>> SessionAgent::listJobs() {
  wire::JobRequest asked;
  asked.kind = Kind::List;
  auto answer = co_await askJob(std::move(asked), kCallLimit);
  const std::string reply = AK_CO_TRY(std::move(answer));
  co_return wire::decodeJobList(reply);
}

net::Task<Status> SessionAgent::signalJob(std::string id, int signal) {
  wire::JobRequest asked;
  asked.kind = Kind::Signal;
  asked.id = std::move(id);
  asked.signal = signal;
  const auto answer = co_await askJob(std::move(asked), kCallLimit);
  co_return answer ? Status() : std::unexpected(answer.error());
}

net::Task<Status> SessionAgent::killJob(std::string id, std::chrono::milliseconds grace) {
  wire::JobRequest asked;
  asked.kind = Kind::Kill;
  asked.id = std::move(id);
  asked.grace_ms = static_cast<std::uint32_t>(grace.count());
  const auto answer = co_await askJob(std::move(asked), grace + kCallLimit);
  co_return answer ? Status() : std::unexpected(answer.error());
}

net::Task<Status> SessionAgent::forgetJob(std::string id) {
  wire::JobRequest asked;
  asked.kind = Kind::Forget;
  asked.id = std::move(id);
  const auto answer = co_await askJob(std::move(asked), kCallLimit);
  co_return answer ? Status() : std::unexpected(answer.error());
}

}  // namespace ak::channel
