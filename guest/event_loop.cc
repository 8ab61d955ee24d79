#include "guest/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

namespace ak::guest {

Result<EventLoop> EventLoop::make() {
  sys::OwnedFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) {
    return failErrno("epoll_create1");
  }
  return EventLoop(std::move(epoll));
}

Status EventLoop::watch(int fd, std::uint32_t events, EventHandler& handler) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= watches_.size()) {
    watches_.resize(index + 1);
  }
  Watch& slot = watches_[index];
  ++slot.generation;
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.u64 = std::uint64_t{slot.generation} << 32U | static_cast<std::uint32_t>(fd);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return failErrno("epoll_ctl");
  }
  slot.handler = &handler;
  return {};
}

void EventLoop::forget(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (fd < 0 || index >= watches_.size() || watches_[index].handler == nullptr) {
    return;
  }
  watches_[index].handler = nullptr;
  // A duplicate held by a child would keep the registration alive after close: remove it by name.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::after(std::chrono::milliseconds delay, std::function<void()> action) {
  timers_.emplace(next_timer_, Timer{std::chrono::steady_clock::now() + delay, std::move(action)});
  return next_timer_++;
}

void EventLoop::cancel(TimerId timer) {
  timers_.erase(timer);
}

int EventLoop::timeoutMs() const {
  if (timers_.empty()) {
    return -1;
  }
  Time first = Time::max();
  for (const auto& [id, timer] : timers_) {
    first = std::min(first, timer.due);
  }
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(first - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, 3'600'000));
}

void EventLoop::runTimers() {
  const Time now = std::chrono::steady_clock::now();
  // One at a time: an action may cancel or add others.
  for (;;) {
    const auto due =
        std::ranges::find_if(timers_, [now](const auto& entry) { return entry.second.due <= now; });
    if (due == timers_.end()) {
      return;
    }
    const std::function<void()> action = std::move(due->second.action);
    timers_.erase(due);
    action();
  }
}

void EventLoop::turn(Wait wait) {
  std::array<epoll_event, 32> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 wait == Wait::Poll ? 0 : timeoutMs());
  for (int i = 0; i < count; ++i) {
    const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
    const std::size_t fd = key & 0xffffffffU;
    const Watch slot = watches_[fd];
    if (slot.handler != nullptr && slot.generation == key >> 32U) {
      slot.handler->onEvents(events[static_cast<std::size_t>(i)].events);
    }
  }
  runTimers();
}

}  // namespace ak::guest
