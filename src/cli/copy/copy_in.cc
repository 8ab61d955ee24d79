// From this host into a sandbox.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "cli/copy/copy.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::cli {

namespace {

// A file without any permission was readable for root only, and stays as close as can be said: 0
// means "as it was" to the daemon.
std::uint32_t modeOf(const struct stat& info) {
  const std::uint32_t mode = info.st_mode & 0777U;
  return mode == 0 ? 0400 : mode;
}

Result<struct stat> statOf(int fd, std::string_view path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return failErrno(printable(path));
  }
  return info;
}

Result<std::vector<std::string>> namesIn(int directory) {
  sys::DirectoryReader reader = AK_TRY(sys::DirectoryReader::open(directory, "."));
  std::vector<std::string> names;
  while (const dirent* entry = AK_TRY(reader.next())) {
    names.emplace_back(entry->d_name);
  }
  std::ranges::sort(names);
  return names;
}

// One tree, whose directories may be written by a guest meanwhile (a writable workspace): opened
// level by level without following links.
class TreeSender {
 public:
  explicit TreeSender(CopyJob& job) : job_(job) {}

  Status directory(const sys::OwnedFd& fd,
                   const std::string& source,
                   const std::string& destination,
                   std::size_t depth) {
    if (depth > kMaxDepth) {
      return fail(ErrorCode::TooLarge, cat(printable(source), " is too deep to be copied"),
                  "Pack the tree and copy the archive.");
    }
    const struct stat info = AK_TRY(statOf(fd.get(), source));
    AK_TRY(job_.remote.makeDirectory(destination, (info.st_mode & 0777U) | 0700U));
    for (const std::string& name : AK_TRY(namesIn(fd.get()))) {
      const std::string from = cat(source, "/", name);
      const Status sent = entry(fd.get(), name, from, cat(destination, "/", name), depth);
      if (!sent && !isOfTheEntry(sent.error())) {
        return sent;
      }
      if (!sent) {
        job_.leaveOut(from, sent.error());
      }
    }
    return {};
  }

  Status file(int fd, const std::string& destination) {
    const struct stat info = AK_TRY(statOf(fd, destination));
    AK_TRY(job_.remote.write(destination, modeOf(info), fd));
    job_.remote.progress().file();
    return {};
  }

 private:
  // Of this entry and not of the whole copy: it is left out and told.
  static bool isOfTheEntry(const Error& error) {
    return error.code == ErrorCode::Unsupported || error.code == ErrorCode::NotFound ||
           error.code == ErrorCode::PermissionDenied;
  }

  Status entry(int directory_fd,
               const std::string& name,
               const std::string& source,
               const std::string& destination,
               std::size_t depth) {
    constexpr std::uint64_t kResolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    struct stat info{};
    if (::fstatat(directory_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return failErrno("look at it");
    }
    if (S_ISLNK(info.st_mode)) {
      char target[4096];
      const ssize_t size = ::readlinkat(directory_fd, name.c_str(), target, sizeof target - 1);
      if (size <= 0) {
        return failErrno("read link");
      }
      return job_.remote.makeLink(destination, std::string(target, static_cast<std::size_t>(size)));
    }
    if (S_ISDIR(info.st_mode)) {
      const sys::OwnedFd fd =
          AK_TRY(sys::openAt(directory_fd, name, O_RDONLY | O_DIRECTORY, 0, kResolve));
      return directory(fd, source, destination, depth + 1);
    }
    if (!S_ISREG(info.st_mode)) {
      return fail(ErrorCode::Unsupported, "not a file, directory or link");
    }
    // Non-blocking, and looked at again: it may have become a FIFO.
    const sys::OwnedFd fd =
        AK_TRY(sys::openAt(directory_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, kResolve));
    const struct stat opened = AK_TRY(statOf(fd.get(), source));
    if (!S_ISREG(opened.st_mode)) {
      return fail(ErrorCode::Unsupported, "not a file, directory or link");
    }
    return file(fd.get(), destination);
  }

  CopyJob& job_;
};

// Where in the sandbox it goes: `destination` itself, or `name` in it when it is a directory.
Result<std::string> placeFor(CopyJob& job,
                             const std::string& destination,
                             const std::string& name) {
  const auto there = job.remote.stat(destination);
  if (!there && there.error().code != ErrorCode::NotFound) {
    return std::unexpected(there.error());
  }
  if (there && there->kind == RemoteEntry::Kind::Directory) {
    return name.empty() ? destination
                        : cat(destination, destination.ends_with('/') ? "" : "/", name);
  }
  if (destination.ends_with('/')) {
    return fail(ErrorCode::NotFound,
                cat("no directory ", printable(destination), " in the sandbox"),
                "Make it first, or leave the last slash out.");
  }
  return destination;
}

}  // namespace

Status copyIn(CopyJob& job, const std::string& source, const std::string& destination) {
  TreeSender sender(job);
  if (source == "-") {
    const auto there = job.remote.stat(destination);
    if (there && there->kind == RemoteEntry::Kind::Directory) {
      return fail(ErrorCode::InvalidArgument,
                  cat(printable(destination), " is a directory of the sandbox"),
                  "Name the file that standard input becomes.");
    }
    return job.remote.write(destination, 0, STDIN_FILENO);
  }
  // What was named is followed, as cp(1) does.
  sys::OwnedFd fd = AK_TRY(sys::openPath(source, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  const struct stat info = AK_TRY(statOf(fd.get(), source));
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
    return fail(ErrorCode::Unsupported, cat(printable(source), " is not a file or directory"),
                "Use - to copy from standard input.");
  }
  const std::string place = AK_TRY(placeFor(job, destination, lastPart(source)));
  return S_ISDIR(info.st_mode) ? sender.directory(fd, source, place, 0)
                               : sender.file(fd.get(), place);
}

}  // namespace ak::cli
