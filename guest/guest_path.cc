#include "guest/guest_path.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "sys/file.h"

namespace ak::guest {

namespace {

constexpr std::uint64_t kResolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

Result<sys::OwnedFd> openInRoot(const std::string& path, int flags) {
  // "/" itself as the starting point: with RESOLVE_IN_ROOT the path is taken from there.
  const sys::OwnedFd root = AK_TRY(sys::openPath("/", O_PATH | O_DIRECTORY));
  return sys::openAt(root.get(), path, flags, 0, kResolve);
}

std::unexpected<Error> notRegular(const std::string& path) {
  return fail(ErrorCode::Unsupported, cat(printable(path), " is not a regular file"),
              "Use a command in the sandbox to work with devices, pipes and kernel files.");
}

// Makes and opens one directory level; an existing one (or a link to one) is as good.
Result<sys::OwnedFd> step(const std::string& path) {
  auto directory = openInRoot(path, O_PATH | O_DIRECTORY);
  if (directory || directory.error().sys_errno != ENOENT) {
    return directory;
  }
  const Place place = AK_TRY(openPlace(path, Parents::Make));
  if (onKernelFileSystem(place.directory.get())) {
    return notRegular(path);
  }
  if (::mkdirat(place.directory.get(), place.name.c_str(), 0755) != 0 && errno != EEXIST) {
    return failErrno(cat("make directory ", printable(path)));
  }
  return sys::openAt(place.directory.get(), place.name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace

Result<struct stat> statNode(int fd) {
  struct stat info{};
  if (::fstatat(fd, "", &info, AT_EMPTY_PATH) != 0) {
    return failErrno("stat");
  }
  return info;
}

bool onKernelFileSystem(int fd) {
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) {
    return true;  // unknown is not writable
  }
  switch (static_cast<std::uint64_t>(info.f_type)) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case TRACEFS_MAGIC:
    case DEBUGFS_MAGIC:
    case SECURITYFS_MAGIC:
    case BPF_FS_MAGIC:
    case DEVPTS_SUPER_MAGIC:
      return true;
    default:
      return false;
  }
}

Result<sys::OwnedFd> openNode(const std::string& path, LastLink last) {
  return openInRoot(path, O_PATH | (last == LastLink::Keep ? O_NOFOLLOW : 0));
}

Result<sys::OwnedFd> openRegular(const std::string& path) {
  // First without touching it; then for reading, non-blocking, and only if it is still that file:
  // a guest may swap it in between.
  const sys::OwnedFd node = AK_TRY(openNode(path, LastLink::Follow));
  const struct stat before = AK_TRY(statNode(node.get()));
  if (S_ISDIR(before.st_mode)) {
    return fail(ErrorCode::InvalidArgument, cat(printable(path), " is a directory"));
  }
  if (!S_ISREG(before.st_mode) || onKernelFileSystem(node.get())) {
    return notRegular(path);
  }
  sys::OwnedFd file = AK_TRY(openInRoot(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  const struct stat after = AK_TRY(statNode(file.get()));
  if (after.st_dev != before.st_dev || after.st_ino != before.st_ino) {
    return fail(ErrorCode::Conflict, cat(printable(path), " changed while it was being opened"));
  }
  return file;
}

Result<Place> openPlace(const std::string& path, Parents parents) {
  std::string_view rest = path;
  while (rest.size() > 1 && rest.back() == '/') {
    rest.remove_suffix(1);
  }
  const std::size_t slash = rest.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
  if (name.empty() || name == "." || name == ".." || slash == std::string_view::npos) {
    return fail(ErrorCode::InvalidArgument, cat(printable(path), " does not name an entry"));
  }
  if (name.size() > 255) {
    return fail(ErrorCode::InvalidArgument, "a file name has at most 255 bytes");
  }
  const std::string directory(slash == 0 ? "/" : rest.substr(0, slash));
  sys::OwnedFd fd = parents == Parents::Make && directory != "/"
                        ? AK_TRY(step(directory))
                        : AK_TRY(openInRoot(directory, O_PATH | O_DIRECTORY));
  return Place{std::move(fd), std::string(name)};
}

}  // namespace ak::guest
