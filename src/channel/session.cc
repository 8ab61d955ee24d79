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

constexpr std::chrono::seconds kPingLimit{10};

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

Result<StreamHandle> Session::open(wire::Service service, std::string_view request) {
  if (ended_) {
    return std::unexpected(*ended_);
  }
  if (request.size() > wire::kMaxPayload) {
    return fail(ErrorCode::TooLarge, cat("request of ", request.size(), " bytes"),
                "Arguments and environment may take 256 KiB together.");
  }
  if (streams_.size() >= wire::kMaxStreams || next_stream_ > 0xffff'fff0U) {
    return fail(ErrorCode::Capacity, "too many streams to one sandbox",
                "Wait for running commands to end.");
  }
  if (!outbox_.controlFits()) {
    return fail(ErrorCode::Unavailable, "the sandbox's agent does not read its channel");
  }
  const std::uint32_t number = next_stream_;
  next_stream_ += 2;
  outbox_.control(wire::FrameType::Open, number, static_cast<std::uint8_t>(service), request);
  auto& stream = streams_[number] = std::make_unique<Stream>(executor_, number);
  return StreamHandle(shared_from_this(), *stream);
}

void Session::release(Stream& stream) {
  if (!ended_ && !stream.reset) {
    // A guest that has said Close keeps the stream until it hears ours.
    if (!stream.done_by_us || (stream.failure && !stream.over)) {
      const auto type = stream.over ? wire::FrameType::Close : wire::FrameType::Reset;
      outbox_.control(type, stream.number(), 0, {});
      flush();
    }
  }
  if (!ended_ && !stream.over) {
    // What the guest sent before it saw that: three windows and a few replies, with their headers.
    stale_bytes_ += std::uint64_t{8} * wire::kInitialCredit;
  }
  streams_.erase(stream.number());
}

net::Task<Result<std::optional<Item>>> Session::receive(Stream& stream) {
  for (;;) {
    if (auto item = stream.take()) {
      if (const std::uint32_t bytes = stream.creditDue(item->channel); bytes != 0 && !ended_) {
        char payload[sizeof bytes];
        std::memcpy(payload, &bytes, sizeof bytes);
        outbox_.control(wire::FrameType::Credit, stream.number(), item->channel,
                        std::string_view(payload, sizeof payload));
        flush();
      }
      co_return std::move(item);
    }
    if (stream.failure) {
      co_return std::unexpected(*stream.failure);
    }
    if (ended_) {
      co_return std::unexpected(*ended_);
    }
    if (stream.over) {
      co_return std::nullopt;
    }
    flush();
    if (!ended_) {  // the flush may have found the other side gone
      co_await stream.changed.wait();
    }
  }
}

net::Task<Status> Session::send(Stream& stream, std::uint8_t channel, std::string_view data) {
  while (!data.empty()) {
    if (stream.failure || ended_) {
      co_return std::unexpected(stream.failure ? *stream.failure : *ended_);
    }
    if (stream.over) {
      co_return fail(ErrorCode::Conflict, "the command has ended");
    }
    if (stream.may_send == 0) {
      flush();
      if (!ended_) {
        co_await stream.credit.wait();
      }
      continue;
    }
    if (!outbox_.bulkFree()) {
      co_await bulk_free_.wait();
      continue;
    }
    const std::size_t size =
        std::min({data.size(), wire::kChunk, static_cast<std::size_t>(stream.may_send)});
    outbox_.bulk(stream.number(), channel, data.substr(0, size));
    stream.may_send -= size;
    idle_frames_ = 0;  // the credit that comes back for it is no flood
    data.remove_prefix(size);
    flush();
    if (!data.empty()) {
      co_await net::yield();  // the other writers' turn
    }
  }
  co_return Status();
}

net::Task<Status> Session::ping() {
  if (ended_) {
    co_return std::unexpected(*ended_);
  }
  if (!outbox_.controlFits()) {
    co_return fail(ErrorCode::Unavailable, "the sandbox's agent does not read its channel");
  }

  struct Registered {  // also gone when the caller is cancelled
    Session& session;
    std::uint64_t serial;
    Stream answer;

    ~Registered() { session.pings_.erase(serial); }
  };

  const auto self = shared_from_this();
  const std::uint64_t serial = next_ping_++;
  Registered own{*this, serial, Stream(executor_, 0)};
  pings_[serial] = &own.answer;
  char payload[sizeof serial];
  std::memcpy(payload, &serial, sizeof serial);
  outbox_.control(wire::FrameType::Ping, 0, 0, std::string_view(payload, sizeof payload));
  setDeadline(own.answer, kPingLimit);
  const auto item = co_await receive(own.answer);
  if (!item) {
    co_return std::unexpected(item.error());
  }
  co_return Status();
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

StreamHandle::~StreamHandle() {
  if (stream_ != nullptr) {
    session_->release(*stream_);
  }
}

net::Task<Result<Item>> StreamHandle::receive() {
  auto item = co_await session_->receive(*stream_);
  if (!item) {
    co_return std::unexpected(std::move(item).error());
  }
  if (!*item) {
    co_return fail(ErrorCode::Protocol, "the sandbox's agent ended a stream without an answer");
  }
  co_return **std::move(item);
}

net::Task<Result<Item>> StreamHandle::receiveWithin(std::chrono::milliseconds limit) {
  setDeadline(limit);
  auto item = co_await receive();
  stream_->deadline.reset();
  co_return item;
}

net::Task<Result<std::optional<Item>>> StreamHandle::receiveOrEnd(std::chrono::milliseconds limit) {
  setDeadline(limit);
  auto item = co_await session_->receive(*stream_);
  stream_->deadline.reset();
  co_return item;
}

void StreamHandle::setDeadline(std::chrono::milliseconds limit) {
  session_->setDeadline(*stream_, limit);
}

net::Task<Status> StreamHandle::send(std::uint8_t channel, std::string_view data) {
  return session_->send(*stream_, channel, data);
}

Status StreamHandle::mayWrite() const {
  if (!session_->alive()) {
    return std::unexpected(*session_->ended_);
  }
  if (stream_->over) {
    return fail(ErrorCode::Conflict, "the command has ended");
  }
  if (!session_->outbox_.controlFits()) {
    return fail(ErrorCode::Unavailable, "the sandbox's agent does not read its channel");
  }
  return {};
}

Status StreamHandle::end(std::uint8_t channel) {
  AK_TRY(mayWrite());
  session_->outbox_.end(stream_->number(), channel);
  session_->flush();
  return {};
}

Status StreamHandle::control(std::string_view payload) {
  AK_TRY(mayWrite());
  session_->outbox_.control(wire::FrameType::Control, stream_->number(), 0, payload);
  session_->flush();
  return {};
}

void StreamHandle::close() {
  if (!session_->alive() || stream_->reset || stream_->done_by_us) {
    return;  // nobody to tell, or told
  }
  stream_->done_by_us = true;
  session_->outbox_.control(wire::FrameType::Close, stream_->number(), 0, {});
  session_->flush();
}

}  // namespace ak::channel
