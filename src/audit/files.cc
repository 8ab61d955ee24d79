#include "audit/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "base/text.h"
#include "sys/file.h"

namespace ak::audit {

namespace {

Result<struct stat> statOf(const LogPart& part) {
  struct stat info{};
  if (::fstat(part.file.get(), &info) != 0) {
    return failErrno(cat("stat ", part.path));
  }
  return info;
}

}  // namespace

std::string rotatedPath(const std::string& path, std::uint32_t number) {
  return number == 0 ? path : cat(path, ".", number);
}

// O_NONBLOCK: a FIFO that stands in its place keeps nobody waiting.
Result<LogPart> openPart(const std::string& path, int flags) {
  LogPart part;
  part.path = path;
  part.file = AK_TRY(sys::openPath(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600));
  const struct stat info = AK_TRY(statOf(part));
  if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid()) {
    return fail(ErrorCode::PermissionDenied, cat(path, " is not a regular file of ours"),
                "Move it out of the way.");
  }
  part.size = static_cast<std::uint64_t>(info.st_size);
  return part;
}

Result<std::vector<LogPart>> openParts(const std::string& path) {
  std::vector<LogPart> parts;
  std::set<ino_t> seen;
  for (std::uint32_t number = 0; number <= kMostFiles; ++number) {
    Result<LogPart> part = openPart(rotatedPath(path, number), O_RDONLY);
    if (!part) {
      if (part.error().sys_errno != ENOENT) {
        return std::unexpected(std::move(part).error());
      }
      // The newest one may be missing for the moment of a rotation.
      if (number > 0) {
        break;
      }
      continue;
    }
    const struct stat info = AK_TRY(statOf(*part));
    if (seen.insert(info.st_ino).second) {
      parts.push_back(std::move(*part));
    }
  }
  return parts;
}

}  // namespace ak::audit
