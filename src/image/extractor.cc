#include "image/extractor.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "image/directory.h"
#include "image/ownership.h"
#include "sys/file.h"

namespace ak::image {

namespace {

constexpr std::uint64_t kBeneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
constexpr int kDirectoryHandle = O_PATH | O_DIRECTORY | O_NOFOLLOW;
constexpr std::size_t kMaxDirectoryNames = std::size_t{64} << 20U;  // bytes remembered for finish()
constexpr std::size_t kMaxOpaque = 65'536;
constexpr std::size_t kMaxNotes = 100;
constexpr std::string_view kWhiteout = ".wh.";

Ownership ownershipOf(const TarEntry& entry) {
  return {entry.uid, entry.gid, entry.mode};
}

std::array<timespec, 2> timesOf(std::int64_t seconds, std::uint32_t nanoseconds) {
  const timespec time{seconds, static_cast<long>(nanoseconds)};
  return {time, time};
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

bool isWhiteoutDevice(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == 0;
}

}  // namespace

Extractor::Extractor(int root_fd, CopyBudget budget) : root_fd_(root_fd), budget_(budget) {}

Status Extractor::add(const TarEntry& entry, TarReader& reader) {
  AK_TRY(budget_.spend(entry.size));
  const std::string path = AK_TRY(archivePath(entry.path));
  Status made = make(entry, path, reader);
  if (!made) {
    return std::unexpected(std::move(made).error().context(printable(path)));
  }
  return {};
}

Status Extractor::make(const TarEntry& entry, const std::string& path, TarReader& reader) {
  const std::string_view name = splitPath(path).name;
  if (name.starts_with(kWhiteout)) {
    return whiteout(path, name.substr(kWhiteout.size()));
  }
  if (path.empty() && entry.type != TarType::Directory) {
    return fail(ErrorCode::InvalidArgument, "the archive's root is not a directory");
  }
  switch (entry.type) {
    case TarType::File:
      return makeFile(entry, path, reader);
    case TarType::Directory:
      return makeDirectory(entry, path);
    case TarType::Symlink:
      return makeSymlink(entry, path);
    case TarType::HardLink:
      return makeHardLink(entry, path);
    case TarType::CharDevice:
    case TarType::BlockDevice:
      note("device", path);
      return {};
    case TarType::Fifo:
      note("FIFO", path);
      return {};
  }
  return fail(ErrorCode::Internal, "unknown member type");
}

// The directory that holds `path`, made if missing (archives may leave parents out). The descriptor
// is good until the next call.
Result<int> Extractor::parentOf(std::string_view path) {
  const std::string_view parent = splitPath(path).parent;
  if (parent.empty()) {
    return root_fd_;
  }
  if (!parent_.valid() || parent_path_ != parent) {
    const std::string wanted(parent);
    Result<sys::OwnedFd> fd = sys::openAt(root_fd_, wanted, kDirectoryHandle, 0, kBeneath);
    if (!fd && fd.error().sys_errno == ENOENT) {
      fd = makeParents(parent);
    }
    if (!fd && (fd.error().sys_errno == ELOOP || fd.error().sys_errno == ENOTDIR)) {
      return fail(ErrorCode::InvalidArgument, "the archive puts a file beneath a link or a file",
                  "Do not trust where it came from.");
    }
    parent_ = AK_TRY(std::move(fd));
    parent_path_ = wanted;
  }
  return parent_.get();
}

Result<sys::OwnedFd> Extractor::makeParents(std::string_view path) {
  sys::OwnedFd current = AK_TRY(sys::openAt(root_fd_, ".", kDirectoryHandle));
  for (const std::string_view part : split(path, '/')) {
    const std::string name(part);
    const bool made = ::mkdirat(current.get(), name.c_str(), 0755) == 0;
    if (!made && errno != EEXIST) {
      return failErrno("mkdir");
    }
    if (made) {
      AK_TRY(budget_.spend(0));
      const sys::OwnedFd fd = AK_TRY(openDirectory(current.get(), name));
      AK_TRY(applyOwnership(fd.get(), {0, 0, 0755}));
    }
    current = AK_TRY(sys::openAt(current.get(), name, kDirectoryHandle, 0, kBeneath));
  }
  return current;
}

Result<bool> Extractor::clear(int parent, const std::string& name) {
  struct stat info{};
  if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Result<bool>(false) : failErrno("stat");
  }
  if (S_ISDIR(info.st_mode)) {
    // parentOf()'s descriptor may be of a directory below; `parent` itself stays.
    if (parent != parent_.get()) {
      parent_.reset();
    }
    AK_TRY(sys::removeTree(parent, name));
    return false;
  }
  if (::unlinkat(parent, name.c_str(), 0) != 0) {
    return failErrno("unlink");
  }
  return isWhiteoutDevice(info);
}

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
  const auto times = timesOf(entry.modified_seconds, entry.modified_nanoseconds);
  if (::futimens(file.get(), times.data()) != 0) {
    return failErrno("set times");
  }
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
      sys::openAt(root_fd_, from.parent.empty() ? "." : std::string(from.parent), kDirectoryHandle,
                  0, kBeneath);
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

Status Extractor::whiteout(const std::string& path, std::string_view name) {
  if (name == ".wh..opq") {
    (void)AK_TRY(parentOf(path));
    return addOpaque(splitPath(path).parent);
  }
  if (name.starts_with(kWhiteout)) {
    return {};  // bookkeeping of aufs, where the convention comes from
  }
  if (name.empty() || name == "." || name == "..") {
    return fail(ErrorCode::InvalidArgument, "a whiteout of nothing");
  }
  const int parent = AK_TRY(parentOf(path));
  const std::string target(name);
  if (::mknodat(parent, target.c_str(), S_IFCHR, 0) == 0) {
    return {};
  }
  if (errno != EEXIST) {
    return failErrno("whiteout");
  }
  // A whiteout hides what lower layers have, never what its own layer makes.
  const struct stat info = AK_TRY(statEntry(parent, target));
  if (!S_ISDIR(info.st_mode)) {
    return {};
  }
  const std::string_view directory = splitPath(path).parent;
  return addOpaque(directory.empty() ? target : cat(directory, "/", target));
}

Status Extractor::addOpaque(std::string_view path) {
  if (opaque_.size() == kMaxOpaque) {
    return fail(ErrorCode::TooLarge,
                cat("the archive has more than ", kMaxOpaque, " opaque directories"));
  }
  opaque_.emplace_back(path);
  return {};
}

void Extractor::note(std::string_view what, std::string_view path) {
  if (notes_.size() < kMaxNotes) {
    notes_.push_back(cat(what, " left out: ", printable(path)));
  }
}

Status Extractor::finish() {
  parent_.reset();
  for (const DirectoryTime& time : times_) {
    const std::string path = time.path.empty() ? "." : time.path;
    const auto directory = sys::openAt(root_fd_, path, O_RDONLY | O_DIRECTORY, 0, kBeneath);
    if (!directory) {
      const int error = directory.error().sys_errno;
      if (error == ENOENT || error == ENOTDIR || error == ELOOP) {
        continue;  // a later member took its place
      }
      return std::unexpected(directory.error());
    }
    const auto times = timesOf(time.seconds, time.nanoseconds);
    if (::futimens(directory->get(), times.data()) != 0) {
      return failErrno("set times");
    }
  }
  return {};
}

}  // namespace ak::image
