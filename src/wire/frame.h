#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

// The agent protocol's frames. One byte channel between host and guest carries many streams:
//
//   header, 12 bytes little-endian: u32 payload length | u32 stream | u8 type | u8 channel | u16 0
//   payload, at most kMaxPayload bytes
//
// Stream 0 is the session itself. The host opens odd streams, the guest even ones (egress). A
// stream lives from Open until each side has sent Close or either has sent Reset; its number is not
// used again within a session.
namespace ak::wire {

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kMaxPayload = 256 * 1024;
// Writers cut data into chunks of this size and go round the streams, so that bulk never delays
// control by more than one chunk.
inline constexpr std::size_t kChunk = 32 * 1024;
// What each side may send on one channel of one stream before the first Credit.
inline constexpr std::uint32_t kInitialCredit = 256 * 1024;
inline constexpr std::size_t kMaxStreams = 1024;

enum class FrameType : std::uint8_t {
  Hello = 1,     // stream 0, once from each side: TLV, see hello.h
  Ping = 2,      // stream 0, 8 opaque bytes
  Pong = 3,      // stream 0, the same 8 bytes
  Goodbye = 4,   // stream 0, TLV {1 code, 2 message}: the session ends after this frame
  Open = 16,     // TLV request; `channel` holds the Service
  Reply = 17,    // TLV answer or event of the service, in order with Data of the same stream
  Data = 18,     // raw bytes of channel 0, 1 or 2; costs credit
  Credit = 19,   // u32: so many more bytes may be sent on this channel
  End = 20,      // no more Data on this channel from this side
  Control = 21,  // TLV: a message of the service to a live stream (resize, signal, ...)
  Close = 22,    // the service is done with this stream; empty
  Reset = 23,    // TLV {1 code, 2 message}: the stream is gone, nothing more follows
};

// What an Open asks for. Numbers are forever; those without a row in docs/agent-protocol.md are
// reserved for their own change and answered with Reset{unsupported}.
enum class Service : std::uint8_t {
  Exec = 1,
  Job = 2,
  File = 3,
  Relay = 4,
  Egress = 5,  // reserved
  Control =
      6,  // ping is a frame; shutdown, clock (reserved), reseed (reserved), hostname (reserved)
  Stats = 7,
};

// Channels of Data, End and Credit frames.
inline constexpr std::uint8_t kStdin = 0;
inline constexpr std::uint8_t kStdout = 1;
inline constexpr std::uint8_t kStderr = 2;

struct Frame {
  FrameType type{};
  std::uint8_t channel = 0;
  std::uint32_t stream = 0;
  std::string payload;

  bool operator==(const Frame&) const = default;
};

// Appends the encoded frame to `out`. The payload must be at most kMaxPayload bytes.
void encodeFrame(std::string& out,
                 FrameType type,
                 std::uint32_t stream,
                 std::uint8_t channel,
                 std::string_view payload);
// Only the header, into kHeaderSize bytes: for writers that read data straight behind it.
void encodeHeader(
    char* out, FrameType type, std::uint32_t stream, std::uint8_t channel, std::size_t length);
void encodeCredit(std::string& out,
                  std::uint32_t stream,
                  std::uint8_t channel,
                  std::uint32_t bytes);
// The payload of a Credit frame, whose size the decoder has checked.
std::uint32_t decodeCredit(const Frame& frame);

// Cuts a byte stream into frames. Any violation (unknown type, length over the limit, non-zero
// reserved bits, a session's frame on a stream or the reverse, a channel above 2, a Credit that is
// not 4 bytes) is final: the session must end, since the next frame's start is not known.
class FrameDecoder {
 public:
  // Gives bytes in; keeps at most one unfinished frame.
  void feed(std::string_view bytes);
  enum class State { NeedMore, Ready, Broken };
  // Ready: `frame` holds the next frame.
  State next(Frame& frame);

  const std::string& error() const { return error_; }

  std::size_t buffered() const { return buffer_.size() - offset_; }

 private:
  std::string buffer_;
  std::size_t offset_ = 0;
  std::string error_;
};

}  // namespace ak::wire
