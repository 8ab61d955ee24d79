#include "cli/output_fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <climits>

#include "base/text.h"

namespace ak::cli {

OutputFd::OutputFd(int fd) : fd_(fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return;
  }
  if (S_ISREG(info.st_mode)) {
    kind_ = Kind::File;
  } else if (S_ISSOCK(info.st_mode)) {
    kind_ = Kind::Socket;
  } else if (S_ISFIFO(info.st_mode)) {
    own_ =
        sys::OwnedFd(::open(cat("/proc/self/fd/", fd).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (own_.valid()) {
      kind_ = Kind::Pipe;
      fd_ = own_.get();
    }
  }
}

Result<std::size_t> OutputFd::write(std::string_view data) {
  ssize_t written = 0;
  switch (kind_) {
    case Kind::File:
    case Kind::Pipe:
      written = ::write(fd_, data.data(), data.size());
      break;
    case Kind::Socket:
      written = ::send(fd_, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      break;
    case Kind::Other: {
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (::poll(&ready, 1, 0) <= 0) {
        return 0;
      }
      // PIPE_BUF bytes fit when poll says so (pipe(7)); a terminal may wait, but a signal ends
      // that.
      written = ::write(fd_, data.data(), std::min<std::size_t>(data.size(), PIPE_BUF));
      break;
    }
  }
  if (written >= 0) {
    return static_cast<std::size_t>(written);
  }
  if (errno == EAGAIN || errno == EINTR) {
    return 0;
  }
  if (errno == EPIPE || errno == ECONNRESET) {
    return fail(ErrorCode::Cancelled, "the reader of the output is gone");
  }
  return failErrno("write output");
}

}  // namespace ak::cli
