#include "image/directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include <climits>

#include "base/text.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::image {

Result<std::vector<std::string>> listDirectory(int dir_fd) {
  return sys::listNames(AK_TRY(sys::DirectoryReader::open(dir_fd, ".")),
                        std::numeric_limits<std::size_t>::max());
}

Result<sys::OwnedFd> openDirectory(int dir_fd, const std::string& name) {
  return sys::openAt(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<sys::OwnedFd> makeDirectory(int dir_fd, const std::string& name) {
  if (::mkdirat(dir_fd, name.c_str(), 0755) != 0 && errno != EEXIST) {
    return failErrno(cat("mkdir ", name));
  }
  return openDirectory(dir_fd, name);
}

Result<struct stat> statEntry(int dir_fd, const std::string& name) {
  struct stat info{};
  if (::fstatat(dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return failErrno(cat("stat ", name));
  }
  return info;
}

Result<std::string> readLink(int dir_fd, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t size = ::readlinkat(dir_fd, name.c_str(), target, sizeof target);
  if (size < 0) {
    return failErrno(cat("readlink ", name));
  }
  return std::string(target, static_cast<std::size_t>(size));
}

}  // namespace ak::image
