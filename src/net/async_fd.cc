#include "net/async_fd.h"

#include <fcntl.h>

#include <boost/asio/use_awaitable.hpp>

namespace ak::net {

Task<void> AsyncFd::readable() {
  co_await descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                                  boost::asio::use_awaitable);
}

Task<void> AsyncFd::writable() {
  co_await descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_write,
                                  boost::asio::use_awaitable);
}

Task<void> AsyncFd::broken() {
  co_await descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_error,
                                  boost::asio::use_awaitable);
}

void AsyncFd::close() {
  boost::system::error_code ignored;  // close(2) reports nothing that could be mended here
  descriptor_.close(ignored);
}

Status setNonBlocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return failErrno("set non-blocking");
  }
  return {};
}

}  // namespace ak::net
