#include "image/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include <climits>

#include "base/text.h"
#include "sys/file.h"

namespace ak::image {

namespace {

struct CloseDirectory {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

Result<std::vector<std::string>> listDirectory(int dir_fd) {
  sys::OwnedFd fd = AK_TRY(sys::openAt(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, CloseDirectory> dir(::fdopendir(fd.get()));
  if (!dir) {
    return failErrno("fdopendir");
  }
  (void)fd.release();  // closedir owns it now
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
    errno = 0;
  }
  if (errno != 0) {
    return failErrno("readdir");
  }
  std::ranges::sort(names);
  return names;
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
