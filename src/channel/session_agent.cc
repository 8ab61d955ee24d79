#include "channel/session_agent.h"

#include <algorithm>

#include <boost/asio/post.hpp>

#include "base/text.h"
#include "channel/exec_stream.h"
#include "wire/control.h"

namespace ak::channel {

namespace {

// For answers that need no work of a guest program. Generous: a sandbox at its cpu limit is slow.
constexpr std::chrono::seconds kCallLimit{30};

// For the content of a file on its way in.
constexpr std::chrono::minutes kWriteLimit{10};

FileInfo::Kind kindOf(wire::FileInfo::Kind kind) {
  switch (kind) {
    case wire::FileInfo::Kind::Regular:
      return FileInfo::Kind::Regular;
    case wire::FileInfo::Kind::Directory:
      return FileInfo::Kind::Directory;
    case wire::FileInfo::Kind::Symlink:
      return FileInfo::Kind::Symlink;
    case wire::FileInfo::Kind::Other:
      return FileInfo::Kind::Other;
  }
  return FileInfo::Kind::Other;
}

net::Task<Result<std::string>> replyOf(StreamHandle& stream,
                                       std::chrono::milliseconds limit = kCallLimit) {
  auto received = co_await stream.receiveWithin(limit);
  Item item = AK_CO_TRY(std::move(received));
  if (!item.reply) {
    co_return fail(ErrorCode::Protocol, "the sandbox's agent sent data instead of an answer");
  }
  co_return std::move(item.data);
}

}  // namespace

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
  const auto session = session_;
  const wire::ControlRequest request{wire::ControlRequest::Kind::Shutdown, 0};
  StreamHandle stream = AK_CO_TRY(session->open(wire::Service::Control, wire::encode(request)));
  const auto reply = co_await replyOf(stream);
  if (!reply) {
    co_return std::unexpected(reply.error());
  }
  stream.close();
  co_return Status();
}

net::Task<Result<wire::FileInfo>> SessionAgent::fileCall(wire::FileRequest request) {
  const auto session = session_;
  StreamHandle stream = AK_CO_TRY(session->open(wire::Service::File, wire::encode(request)));
  auto answer = co_await replyOf(stream);
  const std::string reply = AK_CO_TRY(std::move(answer));
  stream.close();
  co_return wire::decodeFileInfo(reply);
}

net::Task<Result<FileInfo>> SessionAgent::stat(std::string path) {
  wire::FileRequest request;
  request.kind = wire::FileRequest::Kind::Stat;
  request.path = std::move(path);
  auto answer = co_await fileCall(std::move(request));
  const wire::FileInfo info = AK_CO_TRY(std::move(answer));
  co_return FileInfo{kindOf(info.kind), info.size, info.mode, info.uid, info.gid, info.modified_ns};
}

net::Task<Result<std::string>> SessionAgent::readFile(std::string path, std::size_t limit) {
  const auto session = session_;
  wire::FileRequest request;
  request.kind = wire::FileRequest::Kind::Read;
  request.path = path;
  request.length = limit + 1;  // one more than allowed tells a file that is too large
  StreamHandle stream = AK_CO_TRY(session->open(wire::Service::File, wire::encode(request)));
  auto answer = co_await replyOf(stream);
  const std::string reply = AK_CO_TRY(std::move(answer));
  const wire::FileInfo info = AK_CO_TRY(wire::decodeFileInfo(reply));
  std::string content;
  // The end of the stream without a failure is the end of the file.
  for (;;) {
    auto received = co_await stream.receiveOrEnd(kCallLimit);
    auto item = AK_CO_TRY(std::move(received));
    if (!item) {
      break;
    }
    content += item->data;
    if (content.size() > limit) {
      co_return fail(ErrorCode::TooLarge, cat(printable(path), " has more than ", limit, " bytes"));
    }
  }
  stream.close();
  co_return content;
}

net::Task<Status> SessionAgent::writeFile(std::string path,
                                          std::string content,
                                          std::uint32_t mode) {
  const auto session = session_;
  wire::FileRequest request;
  request.kind = wire::FileRequest::Kind::Write;
  request.path = std::move(path);
  request.mode = mode;
  request.parents = true;
  StreamHandle stream = AK_CO_TRY(session->open(wire::Service::File, wire::encode(request)));
  stream.setDeadline(kWriteLimit);
  const Status sent = co_await stream.send(wire::kStdin, content);
  if (!sent) {
    co_return sent;
  }
  const Status ended = stream.end(wire::kStdin);
  if (!ended) {
    // The agent may have refused meanwhile: its reason is the better one.
    const auto refused = co_await replyOf(stream);
    co_return refused ? ended : std::unexpected(refused.error());
  }
  const auto reply = co_await replyOf(stream);
  if (!reply) {
    co_return std::unexpected(reply.error());
  }
  stream.close();
  co_return Status();
}

net::Task<Status> SessionAgent::makeDirectory(std::string path, std::uint32_t mode) {
  wire::FileRequest request;
  request.kind = wire::FileRequest::Kind::MakeDirectory;
  request.path = std::move(path);
  request.mode = mode;
  request.parents = true;
  const auto info = co_await fileCall(std::move(request));
  co_return info ? Status() : std::unexpected(info.error());
}

net::Task<Status> SessionAgent::removePath(std::string path) {
  wire::FileRequest request;
  request.kind = wire::FileRequest::Kind::Remove;
  request.path = std::move(path);
  request.recursive = true;
  const auto info = co_await fileCall(std::move(request));
  co_return info ? Status() : std::unexpected(info.error());
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
