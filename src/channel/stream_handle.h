#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "channel/stream.h"
#include "net/task.h"

namespace ak::channel {

class Session;

// A stream that its holder has open; destroying it resets the stream unless it is over.
class StreamHandle {
 public:
  StreamHandle(std::shared_ptr<Session> session, Stream& stream)
      : session_(std::move(session)), stream_(&stream) {}

  StreamHandle(StreamHandle&& other) noexcept
      : session_(std::move(other.session_)), stream_(std::exchange(other.stream_, nullptr)) {}

  StreamHandle& operator=(StreamHandle&&) = delete;
  StreamHandle(const StreamHandle&) = delete;
  StreamHandle& operator=(const StreamHandle&) = delete;
  ~StreamHandle();

  // The next item. An Error once the stream is over and all before it was taken.
  net::Task<Result<Item>> receive();
  // The same, and Timeout (which ends the stream) after `limit`.
  net::Task<Result<Item>> receiveWithin(std::chrono::milliseconds limit);
  // The same, and nothing at the orderly end.
  net::Task<Result<std::optional<Item>>> receiveOrEnd(std::chrono::milliseconds limit);
  // The same without a limit, and nothing once the guest has ended this channel.
  net::Task<Result<std::optional<Item>>> receiveUntilEnd(std::uint8_t channel);
  // Data in chunks as credit allows; returns when all of it is on its way. Waits as long as the
  // guest does not read.
  net::Task<Status> send(std::uint8_t channel, std::string_view data);
  // The same, and Timeout (which ends the stream) when nothing moves for `limit`.
  net::Task<Status> sendWithin(std::uint8_t channel,
                               std::string_view data,
                               std::chrono::milliseconds limit);
  // No more data on this channel. Conflict once the stream is over.
  Status end(std::uint8_t channel);
  Status control(std::string_view payload);
  // Our side is done: the agent may forget the stream.
  void close();
  // Resets the stream; who waits for it fails with `why`.
  void abort(Error why);

 private:
  std::shared_ptr<Session> session_;  // shared with the Agent and the other streams
  Stream* stream_;                    // owned by the session until released

  Status mayWrite() const;
  // What is under way fails with Timeout when it is not done by then.
  void setDeadline(std::chrono::milliseconds limit);
};

}  // namespace ak::channel
