#pragma once

#include <cstddef>
#include <optional>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::guest {

struct Pipe {
  sys::OwnedFd read;
  sys::OwnedFd write;
};

Result<Pipe> makePipe();
Status setNonBlocking(const sys::OwnedFd& fd);
// How much is in a pipe now; nothing where that cannot be known (a terminal).
std::optional<std::size_t> bytesIn(const sys::OwnedFd& pipe);

}  // namespace ak::guest
