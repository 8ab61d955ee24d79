#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::audit {

// One file of the log, held open: rotation and removal do not take it from its reader.
struct LogPart {
  std::string path;
  sys::OwnedFd file;
  std::uint64_t size = 0;
};

inline constexpr std::uint32_t kMostFiles = 1000;

// PATH.N, or PATH for 0.
std::string rotatedPath(const std::string& path, std::uint32_t number);

// All files of the log, newest first; none when there is no log. A rotation in the middle shows no
// file twice. PermissionDenied for a file that is not a regular one of ours.
Result<std::vector<LogPart>> openParts(const std::string& path);
Result<LogPart> openPart(const std::string& path, int flags);

}  // namespace ak::audit
