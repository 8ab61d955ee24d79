#include "manager/workspace_directory.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/text.h"
#include "sys/file.h"

namespace ak::manager {

Result<WorkspaceDirectory> lookAtWorkspace(const std::string& path, Links links) {
  if (!path.starts_with('/')) {
    return fail(ErrorCode::InvalidArgument,
                cat("workspace path '", printable(path), "' is not absolute"));
  }
  const std::uint64_t resolve = links == Links::Refuse ? RESOLVE_NO_SYMLINKS : 0;
  const sys::OwnedFd fd = AK_TRY(sys::openAt(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, resolve));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return failErrno(cat("stat ", path));
  }
  std::array<char, 4097> canonical{};
  const ssize_t size =
      ::readlink(cat("/proc/self/fd/", fd.get()).c_str(), canonical.data(), canonical.size());
  if (size < 0) {
    return failErrno("reading the path of the workspace");
  }
  if (static_cast<std::size_t>(size) == canonical.size() || info.st_nlink == 0) {
    return fail(ErrorCode::InvalidArgument, "the working directory is gone or its path is too long",
                "Change to another directory and try again.");
  }
  return WorkspaceDirectory{
      {std::string(canonical.data(), static_cast<std::size_t>(size)), info.st_dev, info.st_ino},
      info.st_uid,
      info.st_gid};
}

Result<WorkspaceDirectory> lookAtWorkspace(const model::WorkspaceRequest& request) {
  WorkspaceDirectory found = AK_TRY(lookAtWorkspace(request.path));
  if (request.inode != 0 &&
      (found.host.inode != request.inode || found.host.device != request.device)) {
    return fail(ErrorCode::Conflict,
                cat("the working directory ", printable(request.path), " was replaced meanwhile"),
                "Change to the directory again and repeat the command.");
  }
  return found;
}

Result<sys::OwnedFd> openWorkspace(const std::string& canonical_path) {
  Result<sys::OwnedFd> fd =
      sys::openAt(AT_FDCWD, canonical_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                  RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  if (!fd) {
    return std::unexpected(std::move(fd).error().context("opening the workspace on the host"));
  }
  return fd;
}

}  // namespace ak::manager
