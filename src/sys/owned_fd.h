#pragma once

#include <utility>

#include "base/result.h"

namespace ak::sys {

// Owns one file descriptor; closed on destruction. Every descriptor of ours is close-on-exec:
// whoever opens one passes O_CLOEXEC or its like, and children inherit by explicit list only.
class OwnedFd {
 public:
  OwnedFd() = default;

  explicit OwnedFd(int fd) noexcept : fd_(fd) {}

  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  OwnedFd& operator=(OwnedFd&& other) noexcept {
    OwnedFd old(std::exchange(fd_, std::exchange(other.fd_, -1)));
    return *this;
  }

  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;

  ~OwnedFd() { reset(); }

  int get() const { return fd_; }

  bool valid() const { return fd_ >= 0; }

  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

  void reset() noexcept;

  // For files whose data must be known to have reached the kernel.
  Status close();
  // A second descriptor of the same open file, close-on-exec.
  Result<OwnedFd> duplicate() const;

 private:
  int fd_ = -1;
};

}  // namespace ak::sys
