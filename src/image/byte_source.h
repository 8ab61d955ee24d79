#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace ak::image {

// A stream of bytes that is read once.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // At least one byte, or 0 at the end.
  virtual Result<std::size_t> read(std::span<char> out) = 0;
};

}  // namespace ak::image
