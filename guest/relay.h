#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "guest/event_loop.h"
#include "guest/stream.h"
#include "sys/owned_fd.h"

namespace ak::guest {

struct RelayContext {
  EventLoop& loop;
  std::size_t& open;  // relays of this sandbox, all sessions together
  StreamPort& port;
};

// The stream of a wire::RelayRequest: a connection to a port of this network namespace's loopback.
Result<std::unique_ptr<Stream>> openRelay(const RelayContext& context, std::string_view request);

// 127.0.0.1 is tried first, then ::1. Not a name: nothing in the sandbox decides where we connect.
inline constexpr int kLoopbackAddresses = 2;

struct Dialled {
  sys::OwnedFd socket;  // non-blocking
  int error = 0;        // 0: connected; EINPROGRESS: on its way; else why not
};

Dialled dialLoopback(int which, int type, std::uint16_t port);

// One of those that count against the limit.
class CountedRelay : public Stream {
 public:
  explicit CountedRelay(std::size_t& open) : open_(open) { ++open_; }

  ~CountedRelay() override { --open_; }

  void onControl(std::string_view) override {}

 private:
  std::size_t& open_;
};

}  // namespace ak::guest
