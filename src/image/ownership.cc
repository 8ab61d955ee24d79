#include "image/ownership.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/file.h"

namespace ak::image {

namespace {

std::uint32_t clampId(std::uint64_t id) {
  return id > kMaxId ? kNobody : static_cast<std::uint32_t>(id);
}

// Root of a user namespace that maps one id cannot give files away either, so the effective id says
// nothing: the map does.
bool mapsImageIds() {
  const Result<std::string> map = sys::readFile("/proc/self/uid_map", 4096);
  if (!map || ::geteuid() != 0) {
    return false;
  }
  for (const std::string_view line : split(*map, '\n')) {
    std::uint64_t fields[3] = {};
    std::size_t count = 0;
    for (const std::string_view word : split(line, ' ')) {
      if (!word.empty() && count < 3) {
        fields[count++] = parseNumber<std::uint64_t>(word).value_or(0);
      }
    }
    if (count == 3 && fields[0] == 0 && fields[2] > kMaxId) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool canChown() {
  static const bool can = mapsImageIds();
  return can;
}

Status applyOwnership(int fd, Ownership owner) {
  mode_t mode = owner.mode & 01777U;
  if (canChown()) {
    if (::fchown(fd, clampId(owner.uid), clampId(owner.gid)) != 0) {
      return failErrno("chown");
    }
  } else {
    struct stat info{};
    if (::fstat(fd, &info) != 0) {
      return failErrno("stat");
    }
    mode |= S_ISDIR(info.st_mode) ? S_IRWXU : S_IRUSR;
  }
  if (::fchmod(fd, mode) != 0) {
    return failErrno("chmod");
  }
  return {};
}

Status applyLinkOwnership(int dir_fd, const char* name, Ownership owner) {
  if (!canChown()) {
    return {};
  }
  if (::fchownat(dir_fd, name, clampId(owner.uid), clampId(owner.gid), AT_SYMLINK_NOFOLLOW) != 0) {
    return failErrno("chown");
  }
  return {};
}

}  // namespace ak::image
