// What becomes of a file, a directory and the two kinds of links of an archive.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "image/directory.h"
#include "image/extractor.h"
#include "image/ownership.h"
#include "sys/file.h"

namespace ak::image {

namespace {

constexpr std::size_t kMaxDirectoryNames = std::size_t{64} << 20U;  // bytes remembered for finish()

Ownership ownershipOf(const TarEntry& entry) {
  return {entry.uid, entry.gid, entry.mode};
}

bool keepsXattr(std::string_view name) {
  return name.starts_with("user.") && !name.starts_with("user.overlay.");
}

Status setXattrs(int fd, const TarEntry& entry) {
  for (const auto& [name, value] : entry.xattrs) {
    if (!keepsXattr(name)) {
      continue;
    }
    // A file system without attributes (or without room for them) holds the rest of the image.
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0 && errno != EOPNOTSUPP &&
        errno != ENOSPC && errno != E2BIG && errno != ERANGE) {
      return failErrno("setting an extended attribute");
    }
  }
  return {};
}

}  // namespace

Status Extractor::makeFile(const TarEntry& entry, const std::string& path, TarReader& reader) {
  const int parent = AK_TRY(parentOf(path));
  const std::string name(splitPath(path).name);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  Result<sys::OwnedFd> opened = sys::openAt(parent, name, kFlags, 0600);
  if (!opened && opened.error().sys_errno == EEXIST) {
    (void)AK_TRY(clear(parent, name));
    opened = sys::openAt(parent, name, kFlags, 0600);
  }
  sys::OwnedFd file = AK_TRY(std::move(opened));
  std::array<char, 128 * 1024> buffer;
  while (const std::size_t size = AK_TRY(reader.readContent(buffer))) {
    AK_TRY(sys::writeAll(file.get(), {buffer.data(), size}));
  }
  AK_TRY(setXattrs(file.get(), entry));
  AK_TRY(applyOwnership(file.get(), ownershipOf(entry)));
  AK_TRY(setTimes(file.get(), entry.modified_seconds, entry.modified_nanoseconds));
  return file.close();
}

Status Extractor::makeDirectory(const TarEntry& entry, const std::string& path) {
  if (path.empty()) {
    const sys::OwnedFd root = AK_TRY(sys::openAt(root_fd_, ".", O_RDONLY | O_DIRECTORY));
    return applyDirectory(root.get(), entry, path);
  }
  const int parent = AK_TRY(parentOf(path));
  const std::string name(splitPath(path).name);
  if (::mkdirat(parent, name.c_str(), 0700) != 0) {
    if (errno != EEXIST) {
      return failErrno("mkdir");
    }
    const struct stat info = AK_TRY(statEntry(parent, name));
    if (!S_ISDIR(info.st_mode)) {
      // Deleted below and made anew here: nothing of the lower directory may show through.
      if (AK_TRY(clear(parent, name))) {
        AK_TRY(addOpaque(path));
      }
      if (::mkdirat(parent, name.c_str(), 0700) != 0) {
        return failErrno("mkdir");
      }
    }
  }
  const sys::OwnedFd directory = AK_TRY(openDirectory(parent, name));
  return applyDirectory(directory.get(), entry, path);
}

Status Extractor::applyDirectory(int fd, const TarEntry& entry, const std::string& path) {
  times_bytes_ += path.size() + sizeof(DirectoryTime);
  if (times_bytes_ > kMaxDirectoryNames) {
    return fail(ErrorCode::TooLarge, "the archive has too many directories");
  }
  times_.push_back({path, entry.modified_seconds, entry.modified_nanoseconds});
  AK_TRY(setXattrs(fd, entry));
  return applyOwnership(fd, ownershipOf(entry));
}

Status Extractor::makeSymlink(const TarEntry& entry, const std::string& path) {
  if (entry.link.empty()) {
    return fail(ErrorCode::Protocol, "a symbolic link without a target");
  }
  const int parent = AK_TRY(parentOf(path));
  const std::string name(splitPath(path).name);
  // The target may be anything: it has a meaning only inside a sandbox, and here nobody follows it.
  if (::symlinkat(entry.link.c_str(), parent, name.c_str()) != 0) {
    if (errno != EEXIST) {
      return failErrno("symlink");
    }
    (void)AK_TRY(clear(parent, name));
    if (::symlinkat(entry.link.c_str(), parent, name.c_str()) != 0) {
      return failErrno("symlink");
    }
  }
  return applyLinkOwnership(parent, name.c_str(), ownershipOf(entry));
}

Status Extractor::makeHardLink(const TarEntry& entry, const std::string& path) {
  const std::string target = AK_TRY(archivePath(entry.link));
  if (target.empty() || target == path) {
    return fail(ErrorCode::Protocol, "a hard link to itself");
  }
  const SplitPath from = splitPath(target);
  const std::string from_name(from.name);
  const Result<sys::OwnedFd> from_parent =
      openBeneath(from.parent, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  struct stat info{};
  if (!from_parent ||
      ::fstatat(from_parent->get(), from_name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
      (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))) {
    return fail(ErrorCode::InvalidArgument,
                cat("a hard link to ", printable(target), ", which this archive does not make"),
                "Do not trust where it came from.");
  }
  const int parent = AK_TRY(parentOf(path));
  const std::string name(splitPath(path).name);
  // Flags 0: a link's own name is linked, not what it points to.
  if (::linkat(from_parent->get(), from_name.c_str(), parent, name.c_str(), 0) != 0) {
    if (errno != EEXIST) {
      return failErrno("link");
    }
    (void)AK_TRY(clear(parent, name));
    if (::linkat(from_parent->get(), from_name.c_str(), parent, name.c_str(), 0) != 0) {
      return failErrno("link");
    }
  }
  return {};
}

}  // namespace ak::image
