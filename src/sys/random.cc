#include "sys/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace ak::sys {

void KernelRandom::fill(std::span<unsigned char> out) {
  while (!out.empty()) {
    const ssize_t size = ::getrandom(out.data(), out.size(), 0);
    if (size < 0) {
      if (errno == EINTR) {
        continue;
      }
      std::abort();
    }
    out = out.subspan(static_cast<std::size_t>(size));
  }
}

}  // namespace ak::sys
