#include "manager/change_entry.h"

#include <unistd.h>

#include <cerrno>

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
    return fail(ErrorCode::TooLarge, cat("more than ", limit, " changed paths"),
                "Name the paths that you want.");
  }
  return names;
}

Result<bool> isOpaque(const Tree& tree, const std::string& path) {
  return aided(tree, os::isOpaqueBeneath(tree.top, path),
               [&](backend::TreeAid& aid) { return aid.isOpaque(path); });
}

Status removeEntry(const Tree& tree, const std::string& path) {
  return aided(tree, os::removeBeneath(tree.top, path),
               [&](backend::TreeAid& aid) { return aid.remove(path); });
}

std::string below(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : cat(directory, "/", name);
}

}  // namespace ak::manager
