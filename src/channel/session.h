#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/result.h"
#include "channel/outbox.h"
#include "channel/stream.h"
#include "channel/stream_handle.h"
#include "net/event.h"
#include "net/task.h"
#include "net/task_group.h"
#include "sys/owned_fd.h"
#include "wire/frame.h"
#include "wire/hello.h"

namespace ak::channel {

// One connection to an agent: cuts frames, keeps streams and credit, writes in turns. Every byte
// that comes in is hostile; what breaks the protocol ends the session with an Error.
//
// Shared by the Agent, its streams and the session's own coroutines, which live until end().
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(net::Executor executor, sys::OwnedFd socket);

  // Queues preamble and Hello; nothing is written before the first flush, so that the first request
  // goes in the same write. Begins to read.
  Status beginFirst(std::string key, wire::SandboxRules rules);
  // Proves the key both ways.
  net::Task<Status> beginResumed(std::string key, std::uint64_t epoch);

  // Capacity: too many streams. Unavailable: the session is over, or the agent does not read.
  Result<StreamHandle> open(wire::Service service, std::string_view request);
  net::Task<Status> ping();

  bool alive() const { return !ended_; }

  const wire::GuestHello& hello() const { return hello_; }

  void onClosed(std::function<void(const Error&)> handler);
  // Ends it once; all streams fail with `why` after what they hold.
  void end(Error why);
  // Writes what it can now; the rest when the socket takes more.
  void flush();

 private:
  friend class StreamHandle;
  enum class Phase { GuestPreamble, GuestHello, Open };

  Status start();
  net::Task<void> readLoop(std::shared_ptr<Session> self);
  net::Task<void> writeLoop(std::shared_ptr<Session> self);
  net::Task<void> watchDeadlines(std::shared_ptr<Session> self);

  Status consume(std::string_view bytes);
  Status handle(wire::Frame& frame);
  Status handleHello(const wire::Frame& frame);
  Status handleSession(wire::Frame& frame);
  Status handleGuestOpened(const wire::Frame& frame);
  Status handleStream(Stream& stream, wire::Frame& frame);
  Status handleStale(const wire::Frame& frame);
  Status idleFrame(std::string_view what);

  // Nothing at the stream's orderly end, and where `until` is given, of that channel.
  net::Task<Result<std::optional<Item>>> receive(Stream& stream,
                                                 std::optional<std::uint8_t> until = std::nullopt);
  // Resets it, and fails who waits for it.
  void abort(Stream& stream, Error why);
  net::Task<Status> send(Stream& stream, std::uint8_t channel, std::string_view data);
  void setDeadline(Stream& stream, std::chrono::milliseconds limit);
  void release(Stream& stream);
  std::string proof(std::string_view who) const;

  net::Executor executor_;
  sys::OwnedFd first_socket_;  // until start()
  boost::asio::local::stream_protocol::socket socket_;
  net::TaskGroup tasks_;
  Outbox outbox_;
  net::Event write_blocked_;
  net::Event bulk_free_;
  bool blocked_ = false;

  Phase phase_ = Phase::GuestPreamble;
  wire::PreambleScanner scanner_;
  wire::FrameDecoder decoder_;
  std::string key_;
  wire::Preamble ours_;
  wire::GuestHello hello_;
  bool resumed_ = false;
  Stream handshake_;  // carries deadline and failure of the handshake

  std::unordered_map<std::uint32_t, std::unique_ptr<Stream>> streams_;
  std::map<std::uint64_t, Stream*> pings_;  // owned by the waiting ping()
  std::uint32_t next_stream_ = 1;
  std::uint64_t next_ping_ = 1;
  std::uint64_t stale_bytes_ = 0;  // that streams which we reset may still bring
  std::uint32_t idle_frames_ = 0;

  net::Event deadline_set_;
  boost::asio::steady_timer deadline_timer_;
  SteadyTime timer_at_ = SteadyTime::max();

  std::function<void(const Error&)> on_closed_;
  std::optional<Error> ended_;
};

}  // namespace ak::channel
