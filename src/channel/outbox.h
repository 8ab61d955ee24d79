#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/frame.h"

namespace ak::channel {

// What waits to be written to one agent. Control frames go before data, and at most one chunk of
// data waits at a time: so bulk delays control by one chunk at most, and what a guest that does not
// read can make us hold is one chunk plus the control frames that our own callers caused.
class Outbox {
 public:
  static constexpr std::size_t kMaxControl = 1024 * 1024;

  void control(wire::FrameType type,
               std::uint32_t stream,
               std::uint8_t channel,
               std::string_view payload) {
    wire::encodeFrame(control_, type, stream, channel, payload);
  }

  void raw(std::string_view bytes) { control_ += bytes; }

  // False when the guest does not read: the caller refuses new work.
  bool controlFits() const { return control_.size() < kMaxControl; }

  bool bulkFree() const { return bulk_.empty(); }

  // At most wire::kChunk bytes, and only while bulkFree().
  void bulk(std::uint32_t stream, std::uint8_t channel, std::string_view payload) {
    wire::encodeFrame(bulk_, wire::FrameType::Data, stream, channel, payload);
  }

  // The end of a channel's data: behind what waits of it, where control() would overtake it.
  void end(std::uint32_t stream, std::uint8_t channel) {
    wire::encodeFrame(bulk_, wire::FrameType::End, stream, channel, {});
  }

  // Writes what the socket takes now. False: it is full, try again when it is writable.
  Result<bool> flush(int socket);

  bool empty() const { return sent_ == current_.size() && control_.empty() && bulk_.empty(); }

 private:
  std::string current_;  // being written; frames in it can not be overtaken any more
  std::size_t sent_ = 0;
  std::string control_;
  std::string bulk_;
};

}  // namespace ak::channel
