#pragma once

#include <functional>
#include <list>

#include "net/task.h"

namespace ak::net {

// "Something changed, look again": waiters loop over their own condition. Without a timer or a
// system call, unlike a steady_timer that is cancelled to notify. On one executor, no locks.
class Event {
 public:
  explicit Event(Executor executor) : executor_(std::move(executor)) {}

  // Whoever still waits sees operation_aborted.
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Until the next notify. Nothing is remembered: check the condition, then wait, with no
  // suspension between the two.
  Task<void> wait();
  void notifyOne();
  void notifyAll();

 private:
  struct Waiter {
    std::move_only_function<void(bool cancelled)> resume;
  };

  void resumeFirst(bool cancelled);

  Executor executor_;
  std::list<Waiter> waiters_;
};

}  // namespace ak::net
