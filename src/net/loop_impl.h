#pragma once

// The templates of loop.h. Not included by hand.
#include <exception>
#include <optional>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include "net/loop.h"

namespace ak::net {

namespace detail {

struct Nothing {};

template <typename T>
using Stored = std::conditional_t<std::is_void_v<T>, Nothing, T>;

}  // namespace detail

template <typename T>
T Loop::runUntilDone(Task<T> task) {
  std::optional<detail::Stored<T>> value;
  std::exception_ptr failure;
  bool done = false;
  auto finish = [&](std::exception_ptr error) {
    failure = error;
    done = true;
  };
  if constexpr (std::is_void_v<T>) {
    boost::asio::co_spawn(context_, std::move(task), finish);
  } else {
    boost::asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error, T result) {
      value.emplace(std::move(result));
      finish(error);
    });
  }
  context_.restart();
  while (!done && context_.run_one() != 0) {
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(value).value();
  }
}

template <typename F>
Task<std::invoke_result_t<F&>> WorkerPool::run(F fn) {
  using T = std::invoke_result_t<F&>;
  // The result lives in this frame: the pool thread writes it before it posts, and the frame waits.
  std::optional<detail::Stored<T>> value;
  auto begin = [this, &fn, &value](auto handler) {
    auto home = boost::asio::make_work_guard(handler);
    boost::asio::post(
        pool_, [&fn, &value, home = std::move(home), handler = std::move(handler)]() mutable {
          if constexpr (std::is_void_v<T>) {
            fn();
          } else {
            value.emplace(fn());
          }
          boost::asio::post(home.get_executor(), std::move(handler));
        });
  };
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
      begin, boost::asio::use_awaitable);
  if constexpr (!std::is_void_v<T>) {
    co_return std::move(*value);
  }
}

}  // namespace ak::net
