#pragma once

#include "base/random.h"

namespace ak::sys {

// getrandom(2), blocking until the kernel's pool is ready. Aborts if the kernel cannot: a key made
// of anything else would be worse.
class KernelRandom final : public Random {
 public:
  void fill(std::span<unsigned char> out) override;
};

}  // namespace ak::sys
