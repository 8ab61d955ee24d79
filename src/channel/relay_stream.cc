#include "channel/relay_stream.h"

#include <algorithm>

#include "channel/reply.h"
#include "channel/session_agent.h"

namespace ak::channel {

using Protocol = wire::RelayRequest::Protocol;

net::Task<Result<std::optional<std::string>>> SessionRelay::nextBytes() {
  auto received = co_await stream_.receiveUntilEnd(wire::kStdout);
  auto item = AK_CO_TRY(std::move(received));
  if (!item) {
    co_return std::nullopt;
  }
  if (item->reply || item->channel != wire::kStdout) {
    co_return fail(ErrorCode::Protocol, "the sandbox's agent sent a connection's bytes elsewhere");
  }
  co_return std::move(item->data);
}

net::Task<Result<std::optional<std::string>>> SessionRelay::next() {
  if (protocol_ == Protocol::Tcp) {
    co_return co_await nextBytes();
  }
  for (;;) {
    const std::optional<std::string_view> whole = AK_CO_TRY(datagrams_.next());
    if (whole) {
      co_return std::string(*whole);
    }
    auto received = co_await nextBytes();
    const auto bytes = AK_CO_TRY(std::move(received));
    if (!bytes) {
      co_return std::nullopt;
    }
    datagrams_.feed(*bytes);
  }
}

net::Task<Status> SessionRelay::write(std::string_view data) {
  if (protocol_ == Protocol::Tcp) {
    co_return co_await stream_.send(wire::kStdin, data);
  }
  std::string record;
  wire::encodeDatagram(record, data);
  co_return co_await stream_.send(wire::kStdin, record);
}

net::Task<Status> SessionRelay::finish(std::chrono::milliseconds limit) {
  const auto item = co_await stream_.receiveOrEnd(limit);
  if (!item) {
    co_return std::unexpected(item.error());
  }
  if (*item) {
    co_return fail(ErrorCode::Protocol, "the sandbox's agent goes on behind a connection's end");
  }
  stream_.close();
  co_return Status();
}

void SessionRelay::abort() {
  stream_.abort(Error::make(ErrorCode::Cancelled, "the connection was given up"));
}

net::Task<Result<std::unique_ptr<Relay>>> SessionAgent::relay(wire::RelayRequest request) {
  const auto session = session_;
  // Known but for the first moments of a first session; then the agent says so itself.
  const wire::GuestHello& hello = session->hello();
  if (!hello.build.empty() && std::ranges::count(hello.capabilities, "relay") == 0) {
    co_return fail(ErrorCode::Unsupported,
                   "the sandbox was started by an older version and has no way to its ports",
                   "Stop it and start it again.");
  }
  StreamHandle stream = AK_CO_TRY(session->open(wire::Service::Relay, wire::encode(request)));
  const auto answer = co_await replyOf(stream);
  if (!answer) {
    co_return std::unexpected(answer.error());
  }
  co_return std::make_unique<SessionRelay>(std::move(stream), request.protocol);
}

}  // namespace ak::channel
