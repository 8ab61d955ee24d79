#pragma once

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "base/result.h"
#include "base/text.h"
#include "net/task.h"

namespace ak::net {

// `task` or, when it takes longer, its cancellation and Error Timeout "what: no answer within N
// ms". (Asio's operator|| would throw multiple_exceptions when the caller is cancelled.)
template <typename T>
Task<Result<T>> withTimeout(Task<Result<T>> task,
                            std::chrono::milliseconds limit,
                            std::string_view what) {
  namespace asio = boost::asio;

  struct State {  // shared with the timer's and the outer cancellation's handlers
    asio::cancellation_signal cancel;
    bool timed_out = false;
  };

  const auto state = std::make_shared<State>();
  const Executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, limit);
  timer.async_wait([state](const boost::system::error_code& error) {
    if (!error) {
      state->timed_out = true;
      state->cancel.emit(asio::cancellation_type::terminal);
    }
  });
  auto outer = (co_await asio::this_coro::cancellation_state).slot();
  if (outer.is_connected()) {
    outer.assign([state](asio::cancellation_type type) { state->cancel.emit(type); });
  }
  try {
    auto result = co_await asio::co_spawn(
        executor, std::move(task),
        asio::bind_cancellation_slot(state->cancel.slot(), asio::use_awaitable));
    outer.clear();
    co_return result;
  } catch (const boost::system::system_error& error) {
    outer.clear();
    if (!state->timed_out || error.code() != asio::error::operation_aborted) {
      throw;
    }
  }
  co_return fail(ErrorCode::Timeout, cat(what, ": no answer within ", limit.count(), " ms"));
}

}  // namespace ak::net
