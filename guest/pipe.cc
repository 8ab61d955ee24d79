#include "guest/pipe.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace ak::guest {

Result<Pipe> makePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return failErrno("pipe");
  }
  return Pipe{sys::OwnedFd(ends[0]), sys::OwnedFd(ends[1])};
}

Status setNonBlocking(const sys::OwnedFd& fd) {
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) {
    return failErrno("fcntl");
  }
  return {};
}

std::size_t writeWaiting(const sys::OwnedFd& fd, std::string& waiting, bool& open) {
  std::size_t written = 0;
  while (written < waiting.size()) {
    const ssize_t size = ::write(fd.get(), waiting.data() + written, waiting.size() - written);
    if (size >= 0) {
      written += static_cast<std::size_t>(size);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      written = waiting.size();
      open = false;
    }
  }
  waiting.erase(0, written);
  return written;
}

std::optional<std::size_t> bytesIn(const sys::OwnedFd& pipe) {
  int pending = 0;
  if (::ioctl(pipe.get(), FIONREAD, &pending) != 0 || pending < 0) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(pending);
}

}  // namespace ak::guest
