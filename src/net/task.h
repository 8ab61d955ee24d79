#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace ak::net {

// The one coroutine type. A Task is lazy, belongs to whoever awaits or spawns it, and is cancelled
// by its owner (asio cancellation); it runs on the daemon's event loop and never blocks it.
template <typename T>
using Task = boost::asio::awaitable<T>;
using Executor = boost::asio::any_io_executor;

}  // namespace ak::net
