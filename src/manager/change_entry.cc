#include "manager/change_entry.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/text.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

constexpr std::uint64_t kInside = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

// RESOLVE_NO_SYMLINKS refuses a final link too unless the open is O_PATH | O_NOFOLLOW.
Result<std::optional<sys::OwnedFd>> openHandle(int dir_fd, const std::string& path) {
  return sys::openAtIfExists(dir_fd, path.empty() ? "." : path, O_PATH | O_NOFOLLOW, kInside);
}

struct CloseDirectory {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

Result<Entry> lookAt(int dir_fd, const std::string& path) {
  Result<std::optional<sys::OwnedFd>> handle = openHandle(dir_fd, path);
  if (!handle) {
    // A parent that is a file or a link on this side: the path does not exist here.
    if (handle.error().sys_errno == ENOTDIR || handle.error().sys_errno == ELOOP) {
      return Entry{};
    }
    return std::unexpected(std::move(handle).error());
  }
  Entry entry;
  if (!handle->has_value()) {
    return entry;
  }
  if (::fstat((*handle)->get(), &entry.info) != 0) {
    return failErrno(cat("stat ", path));
  }
  switch (entry.info.st_mode & S_IFMT) {
    case S_IFREG:
      entry.kind = EntryKind::File;
      break;
    case S_IFDIR:
      entry.kind = EntryKind::Directory;
      break;
    case S_IFLNK:
      entry.kind = EntryKind::Symlink;
      break;
    case S_IFCHR:
      entry.kind = entry.info.st_rdev == 0 ? EntryKind::Whiteout : EntryKind::Special;
      break;
    default:
      entry.kind = EntryKind::Special;
  }
  return entry;
}

Result<sys::OwnedFd> openDirectory(int dir_fd, const std::string& path) {
  return sys::openAt(dir_fd, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                     kInside);
}

Result<sys::OwnedFd> openRegular(int dir_fd, const std::string& path) {
  // O_NONBLOCK: a FIFO put in the file's place must not hang us.
  sys::OwnedFd fd =
      AK_TRY(sys::openAt(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, kInside));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return failErrno(cat("stat ", path));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::InvalidArgument, cat(printable(path), " is not a regular file"));
  }
  return fd;
}

Result<std::string> readLink(int dir_fd, const std::string& path) {
  std::optional<sys::OwnedFd> handle = AK_TRY(openHandle(dir_fd, path));
  std::string target(4097, '\0');
  const ssize_t size = handle ? ::readlinkat(handle->get(), "", target.data(), target.size()) : -1;
  if (size < 0) {
    return failErrno(cat("readlink ", printable(path)));
  }
  target.resize(static_cast<std::size_t>(size));
  return target;
}

Result<std::vector<std::string>> listNames(int dir_fd, const std::string& path, std::size_t limit) {
  sys::OwnedFd fd = AK_TRY(openDirectory(dir_fd, path));
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
    if (names.size() > limit) {
      return fail(ErrorCode::TooLarge, cat("more than ", limit, " changed paths"),
                  "Name the paths that you want.");
    }
    errno = 0;
  }
  if (errno != 0) {
    return failErrno("readdir");
  }
  std::ranges::sort(names);
  return names;
}

Result<bool> isOpaque(int dir_fd, const std::string& path) {
  const sys::OwnedFd fd = AK_TRY(openDirectory(dir_fd, path));
  // trusted.* is what a privileged mount writes, user.* one with the userxattr option.
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    char value = 0;
    // The value 'x' marks a directory that merely holds xattr whiteouts: not opaque.
    if (::fgetxattr(fd.get(), name, &value, 1) == 1 && value == 'y') {
      return true;
    }
  }
  return false;
}

std::string below(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : cat(directory, "/", name);
}

}  // namespace ak::manager
