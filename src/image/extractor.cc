#include "image/extractor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "image/directory.h"
#include "image/ownership.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace ak::image {

namespace {

constexpr int kDirectoryHandle = O_PATH | O_DIRECTORY | O_NOFOLLOW;
constexpr std::size_t kMaxOpaque = 65'536;
constexpr std::size_t kMaxNotes = 100;
constexpr std::string_view kWhiteout = ".wh.";

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

Result<sys::OwnedFd> Extractor::openBeneath(std::string_view path, int flags) const {
  return sys::openAt(root_fd_, path.empty() ? "." : std::string(path), flags, 0, sys::kBeneath);
}

// The directory that holds `path`, made if missing (archives may leave parents out). The descriptor
// is good until the next call.
Result<int> Extractor::parentOf(std::string_view path) {
  const std::string_view parent = splitPath(path).parent;
  if (parent.empty()) {
    return root_fd_;
  }
  if (!parent_.valid() || parent_path_ != parent) {
    Result<sys::OwnedFd> fd = openBeneath(parent, kDirectoryHandle);
    if (!fd && fd.error().sys_errno == ENOENT) {
      fd = makeParents(parent);
    }
    if (!fd && (fd.error().sys_errno == ELOOP || fd.error().sys_errno == ENOTDIR)) {
      return fail(ErrorCode::InvalidArgument, "the archive puts a file beneath a link or a file",
                  "Do not trust where it came from.");
    }
    parent_ = AK_TRY(std::move(fd));
    parent_path_ = parent;
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
    current = AK_TRY(sys::openAt(current.get(), name, kDirectoryHandle, 0, sys::kBeneath));
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

Status Extractor::setTimes(int fd, std::int64_t seconds, std::uint32_t nanoseconds) {
  const timespec time{seconds, static_cast<long>(nanoseconds)};
  const std::array<timespec, 2> times = {time, time};
  return ::futimens(fd, times.data()) == 0 ? Status() : failErrno("set times");
}

Status Extractor::finish() {
  parent_.reset();
  for (const DirectoryTime& time : times_) {
    const auto directory = openBeneath(time.path, O_RDONLY | O_DIRECTORY);
    if (!directory) {
      const int error = directory.error().sys_errno;
      if (error == ENOENT || error == ENOTDIR || error == ELOOP) {
        continue;  // a later member took its place
      }
      return std::unexpected(directory.error());
    }
    AK_TRY(setTimes(directory->get(), time.seconds, time.nanoseconds));
  }
  return {};
}

}  // namespace ak::image
