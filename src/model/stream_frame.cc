#include "model/stream_frame.h"

#include <algorithm>

#include "base/text.h"

namespace ak::model {

namespace {

bool isKnown(std::uint8_t kind) {
  return (kind >= static_cast<std::uint8_t>(StreamKind::Stdin) &&
          kind <= static_cast<std::uint8_t>(StreamKind::Signal)) ||
         (kind >= static_cast<std::uint8_t>(StreamKind::Stdout) &&
          kind <= static_cast<std::uint8_t>(StreamKind::Failed));
}

// Above this much consumed text the buffer is compacted; below, moving costs more than it frees.
constexpr std::size_t kCompactAt = kStreamMaxPayload;

}  // namespace

void appendStreamFrame(std::string& out, StreamKind kind, std::string_view payload) {
  // The reader ends the stream at a longer frame, so bytes are cut here; control payloads are far
  // smaller, and an empty one is one frame.
  do {
    const std::string_view part = payload.substr(0, kStreamMaxPayload);
    const auto size = static_cast<std::uint32_t>(part.size());
    const char header[kStreamHeaderSize] = {static_cast<char>(kind),
                                            0,
                                            0,
                                            0,
                                            static_cast<char>(size & 0xffU),
                                            static_cast<char>(size >> 8U & 0xffU),
                                            static_cast<char>(size >> 16U & 0xffU),
                                            static_cast<char>(size >> 24U & 0xffU)};
    out.append(header, sizeof header);
    out += part;
    payload.remove_prefix(part.size());
  } while (!payload.empty());
}

Result<bool> StreamDecoder::next(StreamFrame& frame) {
  const std::string_view rest = std::string_view(buffer_).substr(offset_);
  if (rest.size() < kStreamHeaderSize) {
    return false;
  }
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(rest[i]));
  };
  const std::uint32_t size = byte(4) | byte(5) << 8U | byte(6) << 16U | byte(7) << 24U;
  if (!isKnown(static_cast<std::uint8_t>(byte(0))) || byte(1) != 0 || byte(2) != 0 ||
      byte(3) != 0) {
    // Nothing is consumed, so every later call fails too: the next frame's start is not known.
    return fail(ErrorCode::Protocol, cat("stream frame of unknown kind ", byte(0)));
  }
  if (size > kStreamMaxPayload) {
    return fail(ErrorCode::Protocol, cat("stream frame of ", size, " bytes is over the limit"));
  }
  if (rest.size() < kStreamHeaderSize + size) {
    return false;
  }
  frame.kind = static_cast<StreamKind>(byte(0));
  frame.payload.assign(rest.substr(kStreamHeaderSize, size));
  offset_ += kStreamHeaderSize + size;
  if (offset_ == buffer_.size()) {
    buffer_.clear();
    offset_ = 0;
  } else if (offset_ >= kCompactAt) {
    buffer_.erase(0, offset_);
    offset_ = 0;
  }
  return true;
}

}  // namespace ak::model
