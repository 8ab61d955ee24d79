#pragma once

#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/task.h"

namespace ak::net {

// Runs `task` to its end whatever happens to the caller: a cancellation takes effect at the
// caller's next suspension after it, like with WorkerPool::run. For changes that must not stop
// half-way (a box that is there, but in nobody's books); `task` bounds its own time.
template <typename T>
Task<T> toItsEnd(Task<T> task) {
  namespace asio = boost::asio;
  const Executor executor = co_await asio::this_coro::executor;
  // A slot that nothing is connected to: our own cancellation does not reach the task.
  co_return co_await asio::co_spawn(
      executor, std::move(task),
      asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable));
}

}  // namespace ak::net
