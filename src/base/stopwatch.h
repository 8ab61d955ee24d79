#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace ak {

// Steady time since it was made. The clock is borrowed.
class Stopwatch {
 public:
  explicit Stopwatch(const Clock& clock) : clock_(clock), begun_(clock.steady()) {}

  std::uint64_t microseconds() const {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(clock_.steady() - begun_).count());
  }

 private:
  const Clock& clock_;
  SteadyTime begun_;
};

}  // namespace ak
