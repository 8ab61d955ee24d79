#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::guest {

class EventHandler {
 public:
  virtual ~EventHandler() = default;
  // `events` are EPOLL* bits.
  virtual void onEvents(std::uint32_t events) = 0;
};

// One thread, one epoll. Descriptors are watched edge-triggered: a handler remembers that it may
// read or write until the kernel says EAGAIN. Handlers must outlive their watch.
class EventLoop {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using TimerId = std::uint64_t;  // 0: none

  static Result<EventLoop> make();

  Status watch(int fd, std::uint32_t events, EventHandler& handler);
  // Before the descriptor is closed. Events already fetched for it are dropped.
  void forget(int fd);

  TimerId after(std::chrono::milliseconds delay, std::function<void()> action);
  void cancel(TimerId timer);

  // Handles one batch of events and timers; waits for it unless Poll.
  enum class Wait { Block, Poll };
  void turn(Wait wait);

 private:
  explicit EventLoop(sys::OwnedFd epoll) : epoll_(std::move(epoll)) {}

  int timeoutMs() const;
  void runTimers();

  struct Watch {
    EventHandler* handler = nullptr;
    std::uint32_t generation = 0;  // tells a new watch from a stale event of the same number
  };

  struct Timer {
    Time due;
    std::function<void()> action;
  };

  sys::OwnedFd epoll_;
  std::vector<Watch> watches_;  // by descriptor
  std::map<TimerId, Timer> timers_;
  TimerId next_timer_ = 1;
};

}  // namespace ak::guest
