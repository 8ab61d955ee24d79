#include "guest/mux.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "wire/error.h"

namespace ak::guest {

using wire::FrameType;

class Mux::Port final : public StreamPort {
 public:
  Port(Mux& mux, std::uint32_t id) : mux_(mux), id_(id) {
    credit_.fill(wire::kInitialCredit);
    window_.fill(wire::kInitialCredit);
  }

  void reply(std::string_view payload) override { send(FrameType::Reply, 0, payload); }

  void end(std::uint8_t channel) override { send(FrameType::End, channel, {}); }

  void close() override {
    send(FrameType::Close, 0, {});
    closed_ = true;
    unmark();
    if (host_closed_) {
      finish();
    }
  }

  void reset(const Error& error) override {
    send(FrameType::Reset, 0, wire::encodeError(error));
    finish();
  }

  void grantCredit(std::uint8_t channel, std::uint32_t bytes) override {
    if (gone_ || closed_ || bytes == 0) {  // nothing follows our Close, and nobody needs it
      return;
    }
    window_[channel] += bytes;
    wire::encodeCredit(mux_.control_, id_, channel, bytes);
  }

  void ready() override {
    if (!ready_ && !closed_ && !gone_) {
      ready_ = true;
      mux_.turns_.push_back(this);
    }
  }

  std::uint32_t credit(std::uint8_t channel) const override { return credit_[channel]; }

  void unmark() {
    if (ready_) {
      ready_ = false;
      std::erase(mux_.turns_, this);
    }
  }

  void finish() {
    if (!gone_) {
      gone_ = true;
      unmark();
      mux_.gone_.push_back(id_);
    }
  }

  std::unique_ptr<Stream> stream_;
  std::array<std::uint32_t, 3> credit_;  // what we may send
  std::array<std::uint32_t, 3> window_;  // what the host may send
  bool ended_ = false;                   // the host's channel 0
  bool ready_ = false;
  bool closed_ = false;
  bool host_closed_ = false;
  bool gone_ = false;

 private:
  friend class Mux;

  void send(FrameType type, std::uint8_t channel, std::string_view payload) {
    if (!gone_) {
      wire::encodeFrame(mux_.control_, type, id_, channel, payload);
    }
  }

  Mux& mux_;
  const std::uint32_t id_;
};

Mux::Mux(StreamFactory& factory) : factory_(factory) {
  control_.reserve(kControlHigh);
}

Mux::~Mux() = default;

void Mux::refuse(std::uint32_t stream, const Error& error) {
  wire::encodeFrame(control_, FrameType::Reset, stream, 0, wire::encodeError(error));
}

Status Mux::open(const wire::Frame& frame) {
  // Numbers only grow: a number can then never mean two streams within a session.
  if (frame.stream % 2 == 0 || frame.stream <= last_opened_) {
    return fail(ErrorCode::Protocol, cat("stream ", frame.stream, " cannot be opened"));
  }
  last_opened_ = frame.stream;
  if (ports_.size() >= wire::kMaxStreams) {
    refuse(frame.stream,
           Error::make(ErrorCode::Capacity, cat("the sandbox has ", ports_.size(), " streams open"),
                       "Wait until some of its commands have ended."));
    return {};
  }
  Port& port = *(ports_[frame.stream] = std::make_unique<Port>(*this, frame.stream));
  auto stream = factory_.open(static_cast<wire::Service>(frame.channel), frame.payload, port);
  if (!stream) {
    port.reset(stream.error());
    return {};
  }
  port.stream_ = std::move(*stream);
  return {};
}

Status Mux::data(Port& port, const wire::Frame& frame) {
  if (frame.channel != wire::kStdin || port.ended_) {
    return fail(ErrorCode::Protocol,
                cat("data on a channel that is not open, stream ", frame.stream));
  }
  if (frame.type == FrameType::End) {
    port.ended_ = true;
    port.stream_->onEnd(frame.channel);
    return {};
  }
  if (frame.payload.size() > port.window_[frame.channel]) {
    return fail(ErrorCode::Protocol, cat("more data than credit on stream ", frame.stream));
  }
  port.window_[frame.channel] -= static_cast<std::uint32_t>(frame.payload.size());
  if (!port.closed_) {  // else it crossed our Close: dropped, and its credit with it
    port.stream_->onData(frame.channel, frame.payload);
  }
  return {};
}

Status Mux::handle(const wire::Frame& frame) {
  Status handled = dispatch(frame);
  // At once: what the host reset must be gone before its next request is looked at.
  sweep();
  return handled;
}

Status Mux::dispatch(const wire::Frame& frame) {
  if (frame.type == FrameType::Open) {
    return open(frame);
  }
  const auto found = ports_.find(frame.stream);
  if (found == ports_.end() || found->second->gone_) {
    // Frames that crossed our Reset or Close on the way; a number never opened is a violation.
    if (frame.stream > last_opened_ || frame.stream % 2 == 0) {
      return fail(ErrorCode::Protocol, cat("frame for stream ", frame.stream, ", never opened"));
    }
    return {};
  }
  Port& port = *found->second;
  switch (frame.type) {
    case FrameType::Data:
    case FrameType::End:
      return data(port, frame);
    case FrameType::Credit: {
      const std::uint32_t more = wire::decodeCredit(frame);
      std::uint32_t& credit = port.credit_[frame.channel];
      if (more > std::numeric_limits<std::uint32_t>::max() - credit) {
        return fail(ErrorCode::Protocol, cat("credit overflow on stream ", frame.stream));
      }
      credit += more;
      port.ready();
      return {};
    }
    case FrameType::Control:
      if (!port.closed_) {
        port.stream_->onControl(frame.payload);
      }
      return {};
    case FrameType::Close:
      port.host_closed_ = true;
      if (port.closed_) {
        port.stream_->onClosed();
      }
      // Before our own Close it means: not wanted any more, the same as Reset.
      port.finish();
      return {};
    case FrameType::Reset:
      port.finish();
      return {};
    case FrameType::Hello:
    case FrameType::Ping:
    case FrameType::Pong:
    case FrameType::Goodbye:
    case FrameType::Open:
    case FrameType::Reply:
      break;
  }
  return fail(ErrorCode::Protocol,
              cat("frame type ", static_cast<int>(frame.type), " is not the host's to send"));
}

bool Mux::produceFrom(Port& port, std::string& out) {
  // What produce() reads lands where it is sent from; the header in front of it is written last.
  const std::size_t start = out.size();
  out.resize(start + wire::kHeaderSize + wire::kChunk);
  const Stream::Piece piece =
      port.stream_->produce(out.data() + start + wire::kHeaderSize, wire::kChunk);
  if (piece.size == 0 || port.gone_) {
    out.resize(start);
    return false;
  }
  wire::encodeHeader(out.data() + start, FrameType::Data, port.id_, piece.channel, piece.size);
  out.resize(start + wire::kHeaderSize + piece.size);
  port.credit_[piece.channel] -= static_cast<std::uint32_t>(piece.size);
  return true;
}

void Mux::fill(std::string& out) {
  while (control_.empty() && !turns_.empty()) {
    Port& port = *turns_.front();
    turns_.pop_front();
    port.ready_ = false;
    if (produceFrom(port, out)) {
      port.ready();  // to the end of the line
      break;
    }
  }
  // Control that a produce() caused (an exit) comes after the data before it.
  out += control_;
  control_.clear();
}

void Mux::sweep() {
  while (!gone_.empty()) {
    const auto node = ports_.extract(gone_.front());
    gone_.pop_front();
  }
}

}  // namespace ak::guest
