#include "manager/change_entry.h"

#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/text.h"
#include "os/guest_tree.h"
#include "sys/directory.h"

namespace ak::manager {

namespace {

// Tries it with our own rights first: only files of a guest's other users need more.
template <typename T, typename Ask>
Result<T> aided(const Tree& tree, Result<T> tried, Ask ask) {
  const bool refused = !tried && tree.aid != nullptr &&
                       (tried.error().sys_errno == EACCES || tried.error().sys_errno == EPERM);
  return refused ? ask(*tree.aid) : std::move(tried);
}

Result<std::optional<sys::OwnedFd>> openHandle(const Tree& tree, const std::string& path) {
  return aided(tree, os::openHandleBeneath(tree.top, path),
               [&](backend::TreeAid& aid) { return aid.handle(path); });
}

}  // namespace

Result<Entry> lookAt(const Tree& tree, const std::string& path) {
  Result<std::optional<sys::OwnedFd>> handle = openHandle(tree, path);
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

Result<sys::OwnedFd> openDirectory(const Tree& tree, const std::string& path) {
  return aided(tree, os::openDirectoryBeneath(tree.top, path),
               [&](backend::TreeAid& aid) { return aid.directory(path); });
}

Result<sys::OwnedFd> openRegular(const Tree& tree, const std::string& path) {
  return aided(tree, os::openFileBeneath(tree.top, path),
               [&](backend::TreeAid& aid) { return aid.file(path); });
}

Result<std::string> readLink(const Tree& tree, const std::string& path) {
  std::optional<sys::OwnedFd> handle = AK_TRY(openHandle(tree, path));
  std::string target(4097, '\0');
  const ssize_t size = handle ? ::readlinkat(handle->get(), "", target.data(), target.size()) : -1;
  if (size < 0) {
    return failErrno(cat("readlink ", printable(path)));
  }
  target.resize(static_cast<std::size_t>(size));
  return target;
}

Result<std::vector<std::string>> listNames(const Tree& tree,
                                           const std::string& path,
                                           std::size_t limit) {
  sys::OwnedFd fd = AK_TRY(openDirectory(tree, path));
  Result<std::vector<std::string>> names =
      sys::listNames(AK_TRY(sys::DirectoryReader::open(std::move(fd))), limit);
  if (!names && names.error().code == ErrorCode::TooLarge) {
    return fail(ErrorCode::TooLarge, "too many changed paths to list", kNameThem);
  }
  return names;
}

namespace {

// As the launcher mounts its overlays.
os::Overlay::Xattr ourMarks() {
  return ::geteuid() == 0 ? os::Overlay::Xattr::Trusted : os::Overlay::Xattr::User;
}

}  // namespace

Result<bool> isOpaque(const Tree& tree, const std::string& path) {
  return aided(tree, os::isOpaqueBeneath(tree.top, path, ourMarks()),
               [&](backend::TreeAid& aid) { return aid.isOpaque(path); });
}

Status removeEntry(const Tree& tree, const std::string& path) {
  return aided(tree, os::removeBeneath(tree.top, path),
               [&](backend::TreeAid& aid) { return aid.remove(path); });
}

Result<std::string> treePath(std::string_view written) {
  std::string path;
  if (written.starts_with('/') || written.contains('\0') || written.size() > kMaxChangePath) {
    return fail(ErrorCode::InvalidArgument,
                cat("no path inside the workspace: '", printableEnds(written), "'"),
                "Name paths relative to the workspace.");
  }
  for (const std::string_view name : split(written, '/')) {
    if (name == "..") {
      return fail(ErrorCode::InvalidArgument, cat("'..' in a path: '", printableEnds(written), "'"),
                  "Name paths relative to the workspace, without '..'.");
    }
    if (!name.empty() && name != ".") {
      path = below(path, std::string(name));
    }
  }
  return path;
}

std::unexpected<Error> nothingChangedAt(const std::string& path) {
  return fail(ErrorCode::NotFound, cat("nothing changed at '", printableEnds(path), "'"),
              "See what changed with: agentkernel diff NAME");
}

std::string below(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : cat(directory, "/", name);
}

}  // namespace ak::manager
