#include "sys/owned_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace ak::sys {

void OwnedFd::reset() noexcept {
  if (fd_ >= 0) {
    const int saved = errno;
    ::close(std::exchange(fd_, -1));
    errno = saved;
  }
}

Status OwnedFd::close() {
  // Linux frees the descriptor even when close fails with EINTR or EIO: never close twice.
  if (fd_ >= 0 && ::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) {
    return failErrno("close");
  }
  return {};
}

Result<OwnedFd> OwnedFd::duplicate() const {
  OwnedFd copy(::fcntl(fd_, F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) {
    return failErrno("duplicate descriptor");
  }
  return copy;
}

}  // namespace ak::sys
