#include "wire/frame.h"

#include <algorithm>

#include "base/text.h"

namespace ak::wire {

namespace {

void putLittle32(char* out, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) {
    out[i] = static_cast<char>(value >> (8 * i) & 0xffU);
  }
}

std::uint32_t little32(const char* in) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  }
  return value;
}

bool knownType(std::uint8_t type) {
  return (type >= static_cast<std::uint8_t>(FrameType::Hello) &&
          type <= static_cast<std::uint8_t>(FrameType::Goodbye)) ||
         (type >= static_cast<std::uint8_t>(FrameType::Open) &&
          type <= static_cast<std::uint8_t>(FrameType::Reset));
}

bool hasChannel(FrameType type) {
  return type == FrameType::Data || type == FrameType::Credit || type == FrameType::End;
}

// What a header may say; empty when it is fine.
std::string headerError(std::uint32_t length,
                        std::uint32_t stream,
                        std::uint8_t type,
                        std::uint8_t channel,
                        bool reserved) {
  if (length > kMaxPayload) {
    return cat("frame of ", length, " bytes is over the limit of ", kMaxPayload);
  }
  if (!knownType(type)) {
    return cat("unknown frame type ", type);
  }
  if (reserved) {
    return "reserved bits are set";
  }
  const bool session_frame = type <= static_cast<std::uint8_t>(FrameType::Goodbye);
  if (session_frame != (stream == 0)) {
    return cat("frame type ", type, " on stream ", stream);
  }
  const FrameType known = static_cast<FrameType>(type);
  if (hasChannel(known) && channel > kStderr) {
    return cat("no such channel: ", channel);
  }
  if (known == FrameType::Credit && length != 4) {
    return cat("credit frame of ", length, " bytes");
  }
  return {};
}

}  // namespace

void encodeHeader(
    char* out, FrameType type, std::uint32_t stream, std::uint8_t channel, std::size_t length) {
  putLittle32(out, static_cast<std::uint32_t>(length));
  putLittle32(out + 4, stream);
  out[8] = static_cast<char>(type);
  out[9] = static_cast<char>(channel);
  out[10] = 0;
  out[11] = 0;
}

void encodeFrame(std::string& out,
                 FrameType type,
                 std::uint32_t stream,
                 std::uint8_t channel,
                 std::string_view payload) {
  char header[kHeaderSize];
  encodeHeader(header, type, stream, channel, payload.size());
  out.append(header, sizeof header);
  out += payload;
}

void encodeCredit(std::string& out,
                  std::uint32_t stream,
                  std::uint8_t channel,
                  std::uint32_t bytes) {
  char payload[4];
  putLittle32(payload, bytes);
  encodeFrame(out, FrameType::Credit, stream, channel, {payload, sizeof payload});
}

std::uint32_t decodeCredit(const Frame& frame) {
  return frame.payload.size() == 4 ? little32(frame.payload.data()) : 0;
}

void FrameDecoder::feed(std::string_view bytes) {
  if (!error_.empty()) {
    return;
  }
  if (offset_ != 0) {
    buffer_.erase(0, offset_);
    offset_ = 0;
  }
  buffer_ += bytes;
}

FrameDecoder::State FrameDecoder::next(Frame& frame) {
  if (!error_.empty()) {
    return State::Broken;
  }
  if (buffered() < kHeaderSize) {
    return State::NeedMore;
  }
  const char* header = buffer_.data() + offset_;
  const std::uint32_t length = little32(header);
  const std::uint32_t stream = little32(header + 4);
  const auto type = static_cast<std::uint8_t>(header[8]);
  const auto channel = static_cast<std::uint8_t>(header[9]);
  error_ = headerError(length, stream, type, channel, header[10] != 0 || header[11] != 0);
  if (!error_.empty()) {
    buffer_ = {};
    offset_ = 0;
    return State::Broken;
  }
  if (buffered() - kHeaderSize < length) {
    return State::NeedMore;
  }
  frame.type = static_cast<FrameType>(type);
  frame.channel = channel;
  frame.stream = stream;
  frame.payload.assign(buffer_, offset_ + kHeaderSize, length);
  offset_ += kHeaderSize + length;
  return State::Ready;
}

}  // namespace ak::wire
