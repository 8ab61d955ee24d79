#include "guest/memory_kills.h"

#include <unistd.h>

#include <string_view>

#include "base/text.h"

namespace ak::guest {

std::uint64_t memoryKills(int file) {
  char buffer[512];
  const ssize_t size = file < 0 ? 0 : ::pread(file, buffer, sizeof buffer, 0);
  const std::string_view text(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
  constexpr std::string_view kKey = "oom_kill ";
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with(kKey)) {
      return parseNumber<std::uint64_t>(line.substr(kKey.size())).value_or(0);
    }
  }
  return 0;
}

}  // namespace ak::guest
