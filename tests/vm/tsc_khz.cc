// Prints the frequency of this machine's time stamp counter in kHz. An emulated guest's counter
// runs at the host's rate, and its kernel cannot measure it on a busy host.
#include <x86intrin.h>

#include <chrono>
#include <cstdio>

int main() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  const unsigned long long first = __rdtsc();
  std::chrono::nanoseconds passed{0};
  while (passed < std::chrono::milliseconds(100)) {
    passed = Clock::now() - start;
  }
  const unsigned long long ticks = __rdtsc() - first;
  std::printf("%llu\n", ticks * 1'000'000 / static_cast<unsigned long long>(passed.count()));
}
