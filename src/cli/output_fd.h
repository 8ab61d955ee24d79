#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::cli {

// Writes to an inherited descriptor without ever waiting, so that a slow reader never keeps us from
// signals and the terminal. O_NONBLOCK is a property of the open file, which we share with
// strangers (the shell, the next program of a pipeline), so it is never set on theirs: a pipe is
// opened anew through /proc, a socket is asked per call, and for the rest poll(2) goes before each
// small write.
class OutputFd {
 public:
  explicit OutputFd(int fd);

  // For poll; -1 when there is nothing to wait for (a regular file).
  int pollFd() const { return kind_ == Kind::File ? -1 : fd_; }

  // How many bytes were taken, 0: wait for POLLOUT first. Cancelled when the reader is gone.
  Result<std::size_t> write(std::string_view data);

 private:
  enum class Kind : std::uint8_t { File, Pipe, Socket, Other };

  int fd_;
  Kind kind_ = Kind::Other;
  sys::OwnedFd own_;
};

}  // namespace ak::cli
