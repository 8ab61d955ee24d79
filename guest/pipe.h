#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::guest {

struct Pipe {
  sys::OwnedFd read;
  sys::OwnedFd write;
};

Result<Pipe> makePipe();
Status setNonBlocking(const sys::OwnedFd& fd);
// Writes what fits now and takes it out of `waiting`: how much that was. Once nobody reads any more
// all of it is thrown away, and `open` becomes false.
std::size_t writeWaiting(const sys::OwnedFd& fd, std::string& waiting, bool& open);
// How much is in a pipe now; nothing where that cannot be known (a terminal).
std::optional<std::size_t> bytesIn(const sys::OwnedFd& pipe);

}  // namespace ak::guest
