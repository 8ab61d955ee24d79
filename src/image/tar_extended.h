#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ak::image {

inline constexpr std::size_t kMaxTarName = 4096;
inline constexpr std::size_t kMaxTarXattrs = 64;  // of one member

// What pax and GNU headers said about the next member.
struct TarExtended {
  std::optional<std::string> path;
  std::optional<std::string> link;
  std::optional<std::uint64_t> size, uid, gid;
  std::optional<std::int64_t> modified_seconds;
  std::uint32_t modified_nanoseconds = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
  std::size_t bytes = 0;  // of all extended headers so far
  bool any = false;
};

// The records of one pax header (POSIX.1-2001: "LENGTH KEY=VALUE\n"); keys that nobody here needs
// are passed over. Protocol when malformed, Unsupported for GNU's sparse members, TooLarge over the
// limits above.
Status readPax(std::string_view text, TarExtended& extended);

// A member's name or link target, wherever it stands.
Status checkTarName(std::string_view name);

std::unexpected<Error> malformedArchive(std::string_view why);
std::unexpected<Error> sparseArchive();

}  // namespace ak::image
