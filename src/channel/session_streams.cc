// What the session's own side does with streams: open, read, write, release; and ping.
#include <cstring>

#include "base/text.h"
#include "channel/session.h"
#include "net/loop.h"

namespace ak::channel {

namespace {

constexpr std::chrono::seconds kPingLimit{10};

}  // namespace

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

void Session::abort(Stream& stream, Error why) {
  if (!ended_ && !stream.reset && !stream.done_by_us) {
    outbox_.control(wire::FrameType::Reset, stream.number(), 0, {});
    stream.reset = true;  // the guest forgets it; what it still sends is bounded by its credit
    flush();
  }
  stream.failure = std::move(why);
  stream.changed.notifyAll();
  stream.credit.notifyAll();
  bulk_free_.notifyAll();
}

net::Task<Result<std::optional<Item>>> Session::receive(Stream& stream,
                                                        std::optional<std::uint8_t> until) {
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
    if (stream.over || (until && stream.ended[*until])) {
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

}  // namespace ak::channel
