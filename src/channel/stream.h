#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/event.h"
#include "wire/frame.h"

namespace ak::channel {

// One piece that the guest sent on a stream.
struct Item {
  bool reply = false;
  std::uint8_t channel = 0;
  std::string data;
};

// The host's state of one stream. The guest can make it hold at most one window of data on each of
// three channels and kMaxReplies replies, whatever it sends: more is a broken protocol.
class Stream {
 public:
  static constexpr std::size_t kMaxReplies = 16;
  static constexpr std::size_t kMaxReplyBytes = 512 * 1024;

  Stream(net::Executor executor, std::uint32_t number)
      : changed(executor), credit(executor), number_(number) {}

  std::uint32_t number() const { return number_; }

  // What came in. Protocol: more than the guest was allowed.
  Status addData(std::uint8_t channel, std::string data);
  Status addReply(std::string data);
  Status addCredit(std::string_view payload);

  std::optional<Item> take();
  // Bytes to grant again on `channel`, once half a window was taken; else 0.
  std::uint32_t creditDue(std::uint8_t channel);

  net::Event changed;                             // an item, the end, a failure
  net::Event credit;                              // may_send grew, or the end
  std::uint64_t may_send = wire::kInitialCredit;  // stdin or file content, in bytes
  std::array<bool, 3> ended{};                    // the guest sends no more on this channel
  bool over = false;                   // the guest sent Close or Reset; items may be left
  bool reset = false;                  // it was Reset: the guest has forgotten the stream
  bool done_by_us = false;             // Close sent: nothing to reset any more
  std::optional<Error> failure;        // why it is over, when not by Close
  std::optional<SteadyTime> deadline;  // of the call that waits now

 private:
  std::uint32_t number_;
  std::deque<Item> items_;
  std::size_t replies_ = 0;
  std::size_t reply_bytes_ = 0;
  std::array<std::uint32_t, 3> window_{wire::kInitialCredit, wire::kInitialCredit,
                                       wire::kInitialCredit};
  std::array<std::uint32_t, 3> taken_{};
};

}  // namespace ak::channel
