#include "net/task_group.h"

#include <exception>
#include <list>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/system/system_error.hpp>

#include "net/event.h"

namespace ak::net {

struct TaskGroup::State {
  explicit State(Executor on) : executor(std::move(on)), ended(executor) {}

  Executor executor;
  std::list<boost::asio::cancellation_signal> tasks;  // one per running task; addresses are stable
  Event ended;
  bool cancelled = false;
};

namespace {

bool isCancellation(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    return error.code() == boost::asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

}  // namespace

TaskGroup::TaskGroup(Executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

TaskGroup::~TaskGroup() {
  cancel();
}

void TaskGroup::spawn(Task<void> task) {
  if (state_->cancelled) {
    return;
  }
  const auto own = state_->tasks.emplace(state_->tasks.end());
  auto finish = [state = state_, own](const std::exception_ptr& failure) {
    if (failure && !isCancellation(failure)) {
      std::rethrow_exception(failure);
    }
    state->tasks.erase(own);
    if (state->tasks.empty()) {
      state->ended.notifyAll();
    }
  };
  boost::asio::co_spawn(state_->executor, std::move(task),
                        boost::asio::bind_cancellation_slot(own->slot(), std::move(finish)));
}

void TaskGroup::cancel() {
  state_->cancelled = true;
  // Within the loop's turn, where Asio delivers in place: elsewhere it would post a call that may
  // come after the task, its signal and the sockets it waited for are gone.
  boost::asio::dispatch(state_->executor, [state = state_] {
    // Handlers run inside emit() but none completes there, so the list does not change.
    for (auto& task : state->tasks) {
      task.emit(boost::asio::cancellation_type::terminal);
    }
  });
}

std::size_t TaskGroup::running() const {
  return state_->tasks.size();
}

Task<void> TaskGroup::join() {
  const auto state = state_;
  while (!state->tasks.empty()) {
    co_await state->ended.wait();
  }
}

}  // namespace ak::net
