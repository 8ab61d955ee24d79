// What a session does with each frame of the guest.
#include <cstring>

#include "base/text.h"
#include "channel/session.h"
#include "wire/error.h"

namespace ak::channel {

using wire::Frame;
using wire::FrameType;

namespace {

// Frames in a row that move nothing: an honest agent sends none or a few. Bounds what a guest that
// floods with them costs; each turn of the loop takes one read's worth of them at most.
constexpr std::uint32_t kMaxIdleFrames = 4096;

}  // namespace

Status Session::consume(std::string_view bytes) {
  if (phase_ == Phase::GuestPreamble) {
    std::size_t consumed = 0;
    const bool complete = AK_TRY(scanner_.feed(bytes, consumed));
    if (!complete) {
      return {};
    }
    bytes.remove_prefix(consumed);
    if (scanner_.preamble().epoch != ours_.epoch) {
      return fail(ErrorCode::Protocol, "the sandbox's agent answers for another session");
    }
    phase_ = Phase::GuestHello;
    handshake_.changed.notifyAll();
  }
  decoder_.feed(bytes);
  Frame frame;
  for (;;) {
    switch (decoder_.next(frame)) {
      case wire::FrameDecoder::State::NeedMore:
        return {};
      case wire::FrameDecoder::State::Broken:
        return fail(ErrorCode::Protocol, cat("the sandbox's agent: ", decoder_.error()));
      case wire::FrameDecoder::State::Ready:
        if (Status status = handle(frame); !status || ended_) {
          return status;
        }
    }
  }
}

Status Session::handle(Frame& frame) {
  if (phase_ != Phase::Open) {
    return handleHello(frame);
  }
  if (frame.stream == 0) {
    return handleSession(frame);
  }
  if (frame.stream % 2 == 0) {
    return handleGuestOpened(frame);
  }
  const auto found = streams_.find(frame.stream);
  if (found == streams_.end() || found->second->over) {
    return handleStale(frame);
  }
  return handleStream(*found->second, frame);
}

Status Session::handleSession(Frame& frame) {
  switch (frame.type) {
    case FrameType::Ping:
      // Answered only while the guest reads: its pings must not fill our memory.
      if (outbox_.empty()) {
        outbox_.control(FrameType::Pong, 0, 0, frame.payload.substr(0, 8));
      }
      return idleFrame("ping");
    case FrameType::Pong: {
      std::uint64_t serial = 0;
      if (frame.payload.size() == sizeof serial) {
        std::memcpy(&serial, frame.payload.data(), sizeof serial);
      }
      const auto found = pings_.find(serial);
      if (found == pings_.end()) {
        return idleFrame("pong");
      }
      Stream& answer = *found->second;
      pings_.erase(found);
      answer.changed.notifyAll();
      return answer.addReply({});
    }
    case FrameType::Goodbye: {
      const Error why = wire::decodeError(frame.payload);
      return fail(ErrorCode::Unavailable,
                  cat("the sandbox's agent ended the session: ", printable(why.message)),
                  why.remedy);
    }
    case FrameType::Hello:
    case FrameType::Open:
    case FrameType::Reply:
    case FrameType::Data:
    case FrameType::Credit:
    case FrameType::End:
    case FrameType::Control:
    case FrameType::Close:
    case FrameType::Reset:
      break;
  }
  return fail(ErrorCode::Protocol, "the sandbox's agent sent a frame out of place");
}

// The guest opens even streams for egress, which this build does not offer.
Status Session::handleGuestOpened(const Frame& frame) {
  if (frame.type == FrameType::Open && outbox_.empty()) {
    outbox_.control(FrameType::Reset, frame.stream, 0,
                    wire::encodeError(Error::make(ErrorCode::Unsupported,
                                                  "this host takes no streams from the guest")));
  }
  return idleFrame("stream opened by the guest");
}

Status Session::handleStream(Stream& stream, Frame& frame) {
  switch (frame.type) {
    case FrameType::Reply:
      idle_frames_ = 0;
      AK_TRY(stream.addReply(std::move(frame.payload)));
      break;
    case FrameType::Data:
      if (frame.payload.empty()) {
        return idleFrame("empty data");
      }
      idle_frames_ = 0;
      AK_TRY(stream.addData(frame.channel, std::move(frame.payload)));
      break;
    case FrameType::Credit:
      if (frame.channel != wire::kStdin) {
        return fail(ErrorCode::Protocol,
                    "the sandbox's agent grants credit on a channel of its own");
      }
      AK_TRY(stream.addCredit(frame.payload));
      return idleFrame("credit");
    case FrameType::End:
      stream.ended[frame.channel] = true;  // the decoder knows no other channels
      stream.changed.notifyAll();
      return idleFrame("end");
    case FrameType::Close:
      stream.over = true;
      break;
    case FrameType::Reset: {
      stream.over = true;
      stream.reset = true;
      Error why = wire::decodeError(frame.payload);
      why.message = printable(why.message);
      why.remedy = printable(why.remedy);
      stream.failure = std::move(why);
      break;
    }
    case FrameType::Hello:
    case FrameType::Ping:
    case FrameType::Pong:
    case FrameType::Goodbye:
    case FrameType::Open:
    case FrameType::Control:
      return fail(ErrorCode::Protocol, "the sandbox's agent sent a frame out of place");
  }
  stream.changed.notifyAll();
  if (stream.over) {
    stream.credit.notifyAll();
  }
  return {};
}

// Frames for a stream that we have reset may still be under way; those for one that never was, or
// more than could be under way, are a broken protocol.
Status Session::handleStale(const Frame& frame) {
  const std::uint64_t size = wire::kHeaderSize + frame.payload.size();
  if (frame.stream >= next_stream_ || size > stale_bytes_) {
    return fail(ErrorCode::Protocol,
                cat("the sandbox's agent answers on stream ", frame.stream, ", which is not open"));
  }
  stale_bytes_ -= size;
  return idleFrame("frame of a stream that is gone");
}

Status Session::idleFrame(std::string_view what) {
  if (++idle_frames_ > kMaxIdleFrames) {
    return fail(ErrorCode::Protocol, cat("the sandbox's agent floods its channel (", what, ")"));
  }
  return {};
}

}  // namespace ak::channel
