#pragma once

#include <span>
#include <string>

namespace ak {

// Random bytes enter by reference; only sys::KernelRandom (getrandom) is good enough for keys.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<unsigned char> out) = 0;

  // `bytes` random bytes as lower-case hex.
  std::string hex(std::size_t bytes);
};

}  // namespace ak
