#include "channel/session.h"

#include <cstring>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/text.h"
#include "net/loop.h"

namespace ak::channel {

namespace asio = boost::asio;

namespace {

// A reader starts small, since most agents are idle most of the time, and grows while it is used.
constexpr std::size_t kSmallRead = std::size_t{4} * 1024;
constexpr std::size_t kLargeRead = std::size_t{64} * 1024;

}  // namespace

Session::Session(net::Executor executor, sys::OwnedFd socket)
    : executor_(executor),
      first_socket_(std::move(socket)),
      socket_(executor),
      tasks_(executor),
      write_blocked_(executor),
      bulk_free_(executor),
      handshake_(executor, 0),
      deadline_set_(executor),
      deadline_timer_(executor) {}

Status Session::start() {
  boost::system::error_code error;
  socket_.assign(asio::local::stream_protocol(), first_socket_.get(), error);
  if (error) {
    return failErrno(error.value(), "using the agent's socket");
  }
  (void)first_socket_.release();  // socket_ owns it from here on
  tasks_.spawn(readLoop(shared_from_this()));
  tasks_.spawn(writeLoop(shared_from_this()));
  tasks_.spawn(watchDeadlines(shared_from_this()));
  return {};
}

// The loops hold the session so that it lives while they run; end() cancels them.
net::Task<void> Session::readLoop(std::shared_ptr<Session> self) {
  std::string buffer(kSmallRead, '\0');
  while (self->alive()) {
    // One read for each turn of the loop, however much the guest sends: others get their turns.
    const auto [error, size] =
        co_await socket_.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
    if (error) {
      end(Error::make(ErrorCode::Unavailable, "the sandbox's agent closed its channel"));
      co_return;
    }
    if (const Status status = consume(std::string_view(buffer.data(), size)); !status) {
      end(status.error());
      co_return;
    }
    flush();
    if (size == buffer.size() && size < kLargeRead) {
      buffer.resize(kLargeRead);
    } else if (size < kSmallRead && buffer.size() == kLargeRead) {
      buffer.resize(kSmallRead);
      buffer.shrink_to_fit();
    }
  }
}

net::Task<void> Session::writeLoop(std::shared_ptr<Session> self) {
  while (self->alive()) {
    while (!blocked_) {
      co_await write_blocked_.wait();
    }
    const auto [error] = co_await socket_.async_wait(asio::socket_base::wait_write,
                                                     asio::as_tuple(asio::use_awaitable));
    if (error) {
      co_return;  // the reader sees the same end and reports it
    }
    blocked_ = false;
    flush();
  }
}

void Session::flush() {
  if (ended_ || blocked_) {
    return;
  }
  const Result<bool> done = outbox_.flush(socket_.native_handle());
  if (!done) {
    end(done.error());
    return;
  }
  if (!*done) {
    blocked_ = true;
    write_blocked_.notifyAll();
  }
  if (outbox_.bulkFree()) {
    bulk_free_.notifyAll();  // each looks again: one whose stream is over must not swallow the turn
  }
}

// One timer for all calls: it is armed for the earliest deadline it was told of and stays armed
// when calls end in time, so that the usual call costs no timer at all.
net::Task<void> Session::watchDeadlines(std::shared_ptr<Session> self) {
  while (self->alive()) {
    SteadyTime earliest = SteadyTime::max();
    const SteadyTime now = std::chrono::steady_clock::now();
    auto look = [&](Stream& stream) {
      if (stream.deadline && *stream.deadline <= now) {
        stream.deadline.reset();
        stream.failure =
            Error::make(ErrorCode::Timeout, "the sandbox's agent did not answer in time");
        stream.changed.notifyAll();
        stream.credit.notifyAll();
      } else if (stream.deadline) {
        earliest = std::min(earliest, *stream.deadline);
      }
    };
    look(handshake_);
    if (handshake_.failure) {
      end(*handshake_.failure);
      co_return;
    }
    for (auto& [number, stream] : streams_) {
      look(*stream);
    }
    for (auto& [serial, stream] : pings_) {
      look(*stream);
    }
    timer_at_ = earliest;
    if (earliest == SteadyTime::max()) {
      co_await deadline_set_.wait();
      continue;
    }
    deadline_timer_.expires_at(earliest);
    // Ends early when setDeadline needs it earlier.
    (void)co_await deadline_timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void Session::setDeadline(Stream& stream, std::chrono::milliseconds limit) {
  stream.deadline = std::chrono::steady_clock::now() + limit;
  if (timer_at_ == SteadyTime::max()) {
    deadline_set_.notifyAll();
  } else if (*stream.deadline < timer_at_) {
    deadline_timer_.cancel();
  }
}

void Session::onClosed(std::function<void(const Error&)> handler) {
  on_closed_ = std::move(handler);
  if (ended_ && on_closed_) {
    asio::post(executor_,
               [handler = std::exchange(on_closed_, nullptr), why = *ended_] { handler(why); });
  }
}

void Session::end(Error why) {
  if (ended_) {
    return;
  }
  // What is queued goes out if it can: a Reset that stops a command is worth the try.
  (void)outbox_.flush(socket_.native_handle());
  ended_ = std::move(why);
  for (auto& [number, stream] : streams_) {
    stream->changed.notifyAll();
    stream->credit.notifyAll();
  }
  for (auto& [serial, stream] : pings_) {
    stream->changed.notifyAll();
  }
  handshake_.changed.notifyAll();
  bulk_free_.notifyAll();
  boost::system::error_code ignored;  // nothing to be done about a close that fails
  socket_.close(ignored);
  tasks_.cancel();
  onClosed(std::exchange(on_closed_, nullptr));
}

}  // namespace ak::channel
