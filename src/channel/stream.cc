#include "channel/stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace ak::channel {

namespace {

// More than any honest agent would ever have granted.
constexpr std::uint64_t kMaxSendCredit = std::uint64_t{64} << 20U;

}  // namespace

Status Stream::addData(std::uint8_t channel, std::string data) {
  if (channel >= window_.size() || data.size() > window_[channel]) {
    return fail(ErrorCode::Protocol, cat("stream ", number_, ": data beyond its credit"));
  }
  if (ended[channel]) {
    return fail(ErrorCode::Protocol, cat("stream ", number_, ": data behind its end"));
  }
  window_[channel] -= static_cast<std::uint32_t>(data.size());
  // A guest that sends its window in frames of one byte must not cost us an item for each: join
  // them, past one item of the other channel if need be. Order holds within a channel, which is
  // all that two pipes ever promised.
  std::size_t looked = 0;
  for (auto item = items_.rbegin(); item != items_.rend() && looked < 2; ++item, ++looked) {
    if (item->reply) {
      break;
    }
    if (item->channel == channel) {
      if (item->data.size() < wire::kChunk) {
        item->data += data;
        return {};
      }
      break;
    }
  }
  items_.push_back(Item{false, channel, std::move(data)});
  return {};
}

Status Stream::addReply(std::string data) {
  if (++replies_ > kMaxReplies || (reply_bytes_ += data.size()) > kMaxReplyBytes) {
    return fail(ErrorCode::Protocol,
                cat("stream ", number_, ": more replies than anyone asked for"));
  }
  items_.push_back(Item{true, 0, std::move(data)});
  return {};
}

Status Stream::addCredit(std::string_view payload) {
  std::uint32_t bytes = 0;
  if (payload.size() != sizeof bytes) {
    return fail(ErrorCode::Protocol, cat("stream ", number_, ": malformed credit"));
  }
  std::memcpy(&bytes, payload.data(), sizeof bytes);  // little-endian like every host we run on
  may_send += bytes;
  if (may_send > kMaxSendCredit) {
    return fail(ErrorCode::Protocol, cat("stream ", number_, ": absurd credit"));
  }
  credit.notifyAll();
  return {};
}

std::optional<Item> Stream::take() {
  if (items_.empty()) {
    return std::nullopt;
  }
  Item item = std::move(items_.front());
  items_.pop_front();
  if (item.reply) {
    --replies_;
    reply_bytes_ -= item.data.size();
  } else {
    taken_[item.channel] += static_cast<std::uint32_t>(item.data.size());
  }
  return item;
}

std::uint32_t Stream::creditDue(std::uint8_t channel) {
  if (over || channel >= taken_.size() || taken_[channel] < wire::kInitialCredit / 2) {
    return 0;
  }
  const std::uint32_t bytes = std::exchange(taken_[channel], 0);
  window_[channel] += bytes;
  return bytes;
}

}  // namespace ak::channel
