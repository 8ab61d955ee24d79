#include "os/guest_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>

#include "base/text.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace ak::os {

namespace {

std::string orTop(const std::string& path) {
  return path.empty() ? "." : path;
}

}  // namespace

// RESOLVE_NO_SYMLINKS refuses a final link too unless the open is O_PATH | O_NOFOLLOW.
Result<std::optional<sys::OwnedFd>> openHandleBeneath(int top, const std::string& path) {
  return sys::openAtIfExists(top, orTop(path), O_PATH | O_NOFOLLOW, sys::kBeneath);
}

Result<sys::OwnedFd> openDirectoryBeneath(int top, const std::string& path) {
  return sys::openAt(top, orTop(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, sys::kBeneath);
}

Result<sys::OwnedFd> openFileBeneath(int top, const std::string& path) {
  // O_NONBLOCK: a FIFO put in the file's place must not hang us.
  sys::OwnedFd fd = AK_TRY(
      sys::openAt(top, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, sys::kBeneath));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return failErrno(cat("stat ", path));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::InvalidArgument, cat(printable(path), " is not a regular file"));
  }
  return fd;
}

Result<bool> isOpaqueBeneath(int top, const std::string& path, Overlay::Xattr marks) {
  const sys::OwnedFd fd = AK_TRY(openDirectoryBeneath(top, path));
  // A guest of a privileged mount may write user.overlay.* as it likes, to no effect; one of a
  // mount with the userxattr option may not.
  const char* const name =
      marks == Overlay::Xattr::Trusted ? "trusted.overlay.opaque" : "user.overlay.opaque";
  char value = 0;
  // The value 'x' marks a directory that merely holds xattr whiteouts: not opaque.
  return ::fgetxattr(fd.get(), name, &value, 1) == 1 && value == 'y';
}

Status removeBeneath(int top, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const Result<sys::OwnedFd> parent =
      openDirectoryBeneath(top, slash == std::string::npos ? "" : path.substr(0, slash));
  if (!parent) {
    const int error = parent.error().sys_errno;
    return error == ENOENT || error == ENOTDIR ? Status() : std::unexpected(parent.error());
  }
  return sys::removeTree(parent->get(), slash == std::string::npos ? path : path.substr(slash + 1));
}

}  // namespace ak::os
