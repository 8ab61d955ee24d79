#include "channel/session_agent.h"

#include <algorithm>

#include <boost/asio/post.hpp>

#include "base/text.h"
#include "channel/exec_stream.h"
#include "channel/file_stream.h"
#include "channel/reply.h"
#include "wire/control.h"

namespace ak::channel {

net::Task<Result<std::string>> replyOf(StreamHandle& stream, std::chrono::milliseconds limit) {
  auto received = co_await stream.receiveWithin(limit);
  Item item = AK_CO_TRY(std::move(received));
  if (!item.reply) {
    co_return fail(ErrorCode::Protocol, "the sandbox's agent sent data instead of an answer");
  }
  co_return std::move(item.data);
}

SessionAgent::~SessionAgent() {
  session_->onClosed(nullptr);
  session_->end(Error::make(ErrorCode::Cancelled, "the session was given up"));
}

net::Task<Result<std::unique_ptr<ExecStream>>> SessionAgent::exec(wire::ExecRequest request) {
  const auto session = session_;
  StreamHandle stream = AK_CO_TRY(session->open(wire::Service::Exec, wire::encode(request)));
  std::optional<std::chrono::milliseconds> patience;
  if (request.timeout_ms != 0) {
    patience = std::chrono::milliseconds(request.timeout_ms) + kLateAnswer;
  }
  const SteadyTime asked = std::chrono::steady_clock::now();
  auto answer = co_await replyOf(
      stream, std::min<std::chrono::milliseconds>(kCallLimit, patience.value_or(kCallLimit)));
  if (patience) {
    *patience -= std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - asked);
  }
  const std::string reply = AK_CO_TRY(std::move(answer));
  const auto started = AK_CO_TRY(wire::decodeExecStarted(reply));
  co_return std::make_unique<SessionExec>(std::move(stream), started.pid, patience);
}

net::Task<Status> SessionAgent::shutdown() {
  return control({});
}

net::Task<Status> SessionAgent::deadline(std::optional<std::chrono::milliseconds> after) {
  wire::ControlRequest request;
  request.kind = wire::ControlRequest::Kind::Deadline;
  if (after) {
    request.deadline_ms =
        std::min(static_cast<std::uint64_t>(std::max(after->count(), std::int64_t{0})),
                 wire::kMaxDeadlineMs);
  }
  return control(request);
}

net::Task<Status> SessionAgent::control(wire::ControlRequest request) {
  const auto session = session_;
  StreamHandle stream = AK_CO_TRY(session->open(wire::Service::Control, wire::encode(request)));
  const auto reply = co_await replyOf(stream);
  if (!reply) {
    co_return std::unexpected(reply.error());
  }
  stream.close();
  co_return Status();
}

net::Task<Result<wire::FileInfo>> SessionAgent::file(wire::FileRequest request) {
  const auto session = session_;
  StreamHandle stream = AK_CO_TRY(session->open(wire::Service::File, wire::encode(request)));
  auto answer = co_await replyOf(stream);
  const std::string reply = AK_CO_TRY(std::move(answer));
  stream.close();
  co_return wire::decodeFileInfo(reply);
}

net::Task<Result<std::vector<wire::FileInfo>>> SessionAgent::list(std::string path) {
  wire::FileRequest request;
  request.kind = wire::FileRequest::Kind::List;
  request.path = std::move(path);
  StreamHandle stream = AK_CO_TRY(session_->open(wire::Service::File, wire::encode(request)));
  co_return co_await readListing(std::move(stream));
}

net::Task<Result<std::unique_ptr<FileReader>>> SessionAgent::openFile(wire::FileRequest request) {
  request.kind = wire::FileRequest::Kind::Read;
  StreamHandle stream = AK_CO_TRY(session_->open(wire::Service::File, wire::encode(request)));
  auto answer = co_await replyOf(stream);
  const std::string reply = AK_CO_TRY(std::move(answer));
  wire::FileInfo info = AK_CO_TRY(wire::decodeFileInfo(reply));
  const std::uint64_t behind = info.size > request.offset ? info.size - request.offset : 0;
  const std::uint64_t most = request.length == 0 ? behind : std::min(behind, request.length);
  co_return std::make_unique<SessionFileReader>(std::move(stream), std::move(info), most);
}

net::Task<Result<std::unique_ptr<FileWriter>>> SessionAgent::createFile(wire::FileRequest request) {
  request.kind = wire::FileRequest::Kind::Write;
  StreamHandle stream = AK_CO_TRY(session_->open(wire::Service::File, wire::encode(request)));
  co_return std::make_unique<SessionFileWriter>(std::move(stream));
}

net::Task<Result<wire::FileInfo>> writeFile(Agent& agent,
                                            wire::FileRequest request,
                                            std::string_view content) {
  auto opened = co_await agent.createFile(std::move(request));
  const std::unique_ptr<FileWriter> file = AK_CO_TRY(std::move(opened));
  const Status written = co_await file->write(content);
  AK_CO_TRY(written);
  co_return co_await file->commit();
}

net::Task<Result<std::shared_ptr<Agent>>> openFirstSession(net::Executor executor,
                                                           sys::OwnedFd socket,
                                                           std::string key,
                                                           wire::SandboxRules rules) {
  auto session = std::make_shared<Session>(executor, std::move(socket));
  AK_CO_TRY(session->beginFirst(std::move(key), std::move(rules)));
  // For a caller that asks nothing at once; else the first request has flushed by then.
  boost::asio::post(executor, [session] { session->flush(); });
  co_return std::make_shared<SessionAgent>(std::move(session));
}

net::Task<Result<std::shared_ptr<Agent>>> resumeSession(net::Executor executor,
                                                        sys::OwnedFd socket,
                                                        std::string key,
                                                        std::uint64_t epoch) {
  auto session = std::make_shared<Session>(executor, std::move(socket));
  // Made first: when this coroutine is cancelled half-way, it ends the session.
  auto agent = std::make_shared<SessionAgent>(session);
  const Status begun = co_await session->beginResumed(std::move(key), epoch);
  if (!begun) {
    co_return std::unexpected(begun.error());
  }
  co_return agent;
}

}  // namespace ak::channel
