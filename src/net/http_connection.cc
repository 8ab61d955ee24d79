#include "net/http_connection.h"

#include <sys/socket.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/system/system_error.hpp>

#include "base/text.h"
#include "sys/unix_socket.h"

namespace ak::net {
namespace {

SteadyTime steadyNow() {
  return std::chrono::steady_clock::now();
}

}  // namespace

HttpConnection::HttpConnection(Executor executor,
                               sys::OwnedFd socket,
                               SocketFamily family,
                               HttpHandler& handler,
                               const HttpOptions& options)
    : socket_(executor, std::move(socket)),
      handler_(handler),
      options_(options),
      group_(executor),
      writer_(executor, socket_, group_),
      phase_since_(steadyNow()),
      last_progress_(phase_since_) {
  if (family == SocketFamily::Unix) {
    if (auto peer = sys::peerCredentials(socket_.get())) {
      peer_ = HttpPeer{peer->pid, peer->uid, peer->gid};
    }
  }
}

void HttpConnection::enter(Phase phase) {
  phase_ = phase;
  phase_since_ = steadyNow();
  last_progress_ = phase_since_;
}

Task<void> HttpConnection::run() {
  while (co_await serveOne() == Next::Request) {
    enter(Phase::Idle);
  }
  enter(Phase::Closing);
  co_await linger();
}

Task<void> HttpConnection::close() {
  // A handler that was cancelled may have left a last word; what the kernel does not take is lost.
  writer_.send();
  group_.cancel();
  co_await group_.join();
}

void HttpConnection::retire() {
  keep_alive_ = false;
  if (idle()) {
    ::shutdown(socket_.get(), SHUT_RD);
  }
}

void HttpConnection::checkDeadline(SteadyTime now) {
  if (writer_.sentBytes() != sent_at_last_tick_) {
    sent_at_last_tick_ = writer_.sentBytes();
    last_progress_ = now;
  }
  std::chrono::milliseconds allowed{};
  switch (phase_) {
    case Phase::Idle:
      allowed = options_.idle_timeout;
      break;
    case Phase::Head:
      allowed = options_.head_timeout;
      break;
    case Phase::Body:
      allowed = options_.body_timeout + std::chrono::seconds(body_received_ / (16 * 1024));
      break;
    case Phase::Handler:
      // A handler may take its time, and so may the reader of a stream; a response that is
      // complete and not read is neither.
      if (mode_ != Mode::Responded || now - last_progress_ < options_.write_stall) {
        return;
      }
      allowed = options_.write_stall;
      break;
    case Phase::Closing:
      allowed = std::min(options_.write_stall, std::chrono::milliseconds(5000));
      break;
  }
  if (now - phase_since_ < allowed) {
    return;
  }
  expired_ = true;
  // Reading ends as at end of file; what waits in Head or Body may still be told why.
  const bool can_answer = phase_ == Phase::Head || phase_ == Phase::Body;
  ::shutdown(socket_.get(), can_answer ? SHUT_RD : SHUT_RDWR);
}

Task<HttpConnection::Next> HttpConnection::refuse(int status, std::string_view message) {
  keep_alive_ = false;
  const HttpResponse response = handler_.refusal(status, message);
  queueResponse(response);
  writer_.send();
  co_return Next::Close;
}

Task<HttpConnection::Next> HttpConnection::serveOne() {
  const std::size_t end = co_await readHead();
  if (end == 0) {
    if (expired_ && phase_ == Phase::Head) {
      co_return co_await refuse(408, "the request head took too long");
    }
    if (!ended_) {
      co_return co_await refuse(431, "the request head is over 16 KiB");
    }
    co_return Next::Close;
  }
  auto head = parseHead(std::string_view(in_).substr(0, end));
  in_.erase(0, end);
  mode_ = Mode::Waiting;
  status_ = 0;
  body_received_ = 0;
  if (!head) {
    head_ = HttpHead{};
    co_return co_await refuse(head.error().status, head.error().message);
  }
  head_ = std::move(*head);
  head_.request.peer = peer_;
  keep_alive_ = keep_alive_ && head_.keep_alive;
  const Admission admission = handler_.admit(head_.request);
  if (admission.refusal) {
    // The body is not read, so what follows cannot be found.
    keep_alive_ = keep_alive_ && head_.framing == BodyFraming::None;
    queueResponse(*admission.refusal);
    writer_.send();
    const Status sent = co_await writer_.room();
    co_return keep_alive_&& sent ? Next::Request : Next::Close;
  }
  if (const int status = co_await readBody(admission.body_limit)) {
    co_return co_await refuse(status, status == 413   ? "the request body is too large"
                                      : status == 408 ? "the request body took too long"
                                                      : "malformed or unfinished request body");
  }
  enter(Phase::Handler);
  co_await serveAdmitted(admission);
  const bool clean = mode_ == Mode::Responded || mode_ == Mode::Finished;
  co_return keep_alive_&& clean && !writer_.broken() ? Next::Request : Next::Close;
}

Task<void> HttpConnection::serveAdmitted(const Admission& admission) {
  using namespace boost::asio::experimental::awaitable_operators;
  if (admission.on_disconnect == OnDisconnect::Cancel) {
    try {
      co_await (admission.serve(*this) || gone());
    } catch (const boost::asio::multiple_exceptions&) {
      // Both were cancelled from outside: one cancellation to whoever waits for us.
      throw boost::system::system_error(boost::asio::error::operation_aborted);
    }
    if (ended_) {
      keep_alive_ = false;
    }
  } else {
    co_await admission.serve(*this);
  }
  if (mode_ == Mode::Waiting && !ended_) {
    const HttpResponse response = handler_.refusal(500, "the request was not answered");
    co_await respond(response);
  }
}

Task<void> HttpConnection::linger() {
  co_await writer_.drained();
  if (ended_ || writer_.broken()) {
    co_return;
  }
  // Closing with unread bytes in the socket would reset the connection, and the client might never
  // read the answer: end our side and read on for a moment.
  ::shutdown(socket_.get(), SHUT_WR);
  for (std::size_t total = 0; total < std::size_t{4} << 20U; total += in_.size()) {
    in_.clear();
    if (!co_await fill()) {
      break;
    }
  }
}

}  // namespace ak::net
