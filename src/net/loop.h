#pragma once

#include <chrono>
#include <memory>
#include <type_traits>

#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/task.h"

namespace ak::net {

// The daemon's event loop: one thread runs it, and everything that is not said to be blocking
// happens there, so nothing needs a lock.
class Loop {
 public:
  Loop() : context_(1) {}

  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Executor executor() { return context_.get_executor(); }

  boost::asio::io_context& context() { return context_; }

  // Returns after stop() or when nothing is left to wait for.
  void run() { context_.run(); }

  // From any thread.
  void stop() { context_.stop(); }

  // Runs `task` to its end and the loop as long as that takes. For main, tests and benchmarks.
  template <typename T>
  T runUntilDone(Task<T> task);

 private:
  boost::asio::io_context context_;
};

// A few threads for calls that block (disk, hashing, SQLite). Work that was started always runs to
// its end: cancelling a coroutine that waits for it takes effect when it is done. Destroying the
// pool waits for what runs and drops what has not begun; do it after the loop has stopped.
class WorkerPool {
 public:
  explicit WorkerPool(std::size_t threads) : pool_(threads) {}

  // co_await pool.run([&] { return blockingCall(); }): on a pool thread; the coroutine goes on
  // where it was. What `fn` refers to must live until then, and `fn` must not throw.
  template <typename F>
  Task<std::invoke_result_t<F&>> run(F fn);

 private:
  boost::asio::thread_pool pool_;
};

// Lets the other coroutines of the loop run before this one goes on.
Task<void> yield();
Task<void> sleepFor(std::chrono::nanoseconds duration);

}  // namespace ak::net

#include "net/loop_impl.h"
