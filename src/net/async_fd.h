#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include "net/task.h"
#include "sys/owned_fd.h"

namespace ak::net {

// Waits on any pollable descriptor (pidfd, socket of packets, eventfd); the caller does the I/O,
// which may answer EAGAIN all the same: make the descriptor non-blocking where it can block.
class AsyncFd {
 public:
  AsyncFd(Executor executor, sys::OwnedFd fd) : descriptor_(executor, fd.release()) {}

  int get() { return descriptor_.native_handle(); }

  // Ends when ready. Cancelled: throws operation_aborted, as all of Asio here does.
  Task<void> readable();
  Task<void> writable();
  // Ends when the other side is gone in both directions (EPOLLHUP) or with an error.
  Task<void> broken();

  // Waits end with operation_aborted.
  void close();

 private:
  boost::asio::posix::stream_descriptor descriptor_;
};

// EAGAIN instead of blocking.
Status setNonBlocking(int fd);

}  // namespace ak::net
