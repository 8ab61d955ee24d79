#pragma once

#include <sys/types.h>

#include <functional>
#include <unordered_map>

#include "guest/event_loop.h"

namespace ak::guest {

class ChildListener {
 public:
  virtual ~ChildListener() = default;
  // `status` as waitpid(2) gives it. The pid may be reused from now on.
  virtual void onChildExit(pid_t pid, int status) = 0;
};

// Waits for every child, our own and (as PID 1 or subreaper) orphans.
class Reaper final : public EventHandler {
 public:
  // SIGCHLD must be blocked.
  static Result<sys::OwnedFd> openSignals();
  Reaper(EventLoop& loop, sys::OwnedFd signals);
  ~Reaper() override;
  Status start();

  void expect(pid_t pid, ChildListener& listener) { children_[pid] = &listener; }

  void forget(pid_t pid) { children_.erase(pid); }

  bool expects(pid_t pid) const { return children_.contains(pid); }

  // Children reaped so far: a change means that a group of processes may be empty now.
  std::uint64_t reaped() const { return reaped_; }

  void onEvents(std::uint32_t events) override;

 private:
  EventLoop& loop_;
  sys::OwnedFd signals_;
  std::unordered_map<pid_t, ChildListener*> children_;
  std::uint64_t reaped_ = 0;
};

}  // namespace ak::guest
