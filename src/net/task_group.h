#pragma once

#include <cstddef>
#include <memory>

#include "net/task.h"

namespace ak::net {

// Owns the coroutines that run beside its owner: counts them, cancels them, can be waited for. All
// calls on the loop. Cancellation reaches a coroutine at its next suspension as
// boost::system::system_error(operation_aborted), which unwinds it; the group takes that as a
// normal end. Any other exception out of a task is a bug and ends the program.
//
// Tasks mostly use what their owner holds: the owner calls cancel() and awaits join() before it
// dies. The destructor cancels what is left, for tasks that hold shares of all they touch.
class TaskGroup {
 public:
  explicit TaskGroup(Executor executor);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Begins at the next turn of the loop. After cancel() nothing is begun any more.
  void spawn(Task<void> task);
  void cancel();
  std::size_t running() const;
  // Until the last one has ended.
  Task<void> join();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the completion handlers of the tasks
};

}  // namespace ak::net
