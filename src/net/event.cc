#include "net/event.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

namespace ak::net {

using boost::system::error_code;

Event::~Event() {
  while (!waiters_.empty()) {
    resumeFirst(true);
  }
}

void Event::resumeFirst(bool cancelled) {
  Waiter waiter = std::move(waiters_.front());
  waiters_.pop_front();
  waiter.resume(cancelled);
}

void Event::notifyOne() {
  if (!waiters_.empty()) {
    resumeFirst(false);
  }
}

void Event::notifyAll() {
  for (std::size_t left = waiters_.size(); left != 0; --left) {
    resumeFirst(false);
  }
}

Task<void> Event::wait() {
  auto begin = [this](auto handler) {
    const auto own = waiters_.emplace(waiters_.end());
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    // Posted, never called in place: whoever notifies must not be re-entered.
    own->resume = [executor = executor_, slot,
                   handler = std::move(handler)](bool cancelled) mutable {
      slot.clear();
      boost::asio::post(executor, [handler = std::move(handler), cancelled]() mutable {
        handler(cancelled ? boost::asio::error::operation_aborted : error_code());
      });
    };
    if (slot.is_connected()) {
      slot.assign([this, own](boost::asio::cancellation_type) {
        Waiter waiter = std::move(*own);
        waiters_.erase(own);
        waiter.resume(true);
      });
    }
  };
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(error_code)>(
      begin, boost::asio::use_awaitable);
}

}  // namespace ak::net
