// From a sandbox to this host.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "cli/copy/copy.h"
#include "cli/copy/incoming_file.h"
#include "cli/output_fd.h"
#include "sys/file.h"

namespace ak::cli {

namespace {

constexpr std::uint64_t kBeneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

// Ours to enter and write whatever the guest says; else only its permission bits count.
Result<sys::OwnedFd> makeDirectory(int parent, const std::string& name, std::uint32_t mode) {
  if (::mkdirat(parent, name.c_str(), (mode & 0777U) | 0700U) != 0 && errno != EEXIST) {
    return failErrno(cat("make directory ", printable(name)));
  }
  auto made = sys::openAt(parent, name, O_RDONLY | O_DIRECTORY, 0, kBeneath);
  if (!made) {
    return fail(ErrorCode::Conflict, cat(printable(name), " exists and is not a directory"),
                "Remove it first, or choose another name.");
  }
  return made;
}

class TreeTaker {
 public:
  explicit TreeTaker(CopyJob& job) : job_(job) {}

  // Copies the file at `source` to `name` in the open `directory`.
  Status file(const std::string& source, int directory, const std::string& name) {
    IncomingFile incoming = AK_TRY(IncomingFile::create(directory, name));
    const auto taken = job_.remote.read(source, [&](std::string_view bytes) -> Status {
      bytes_ += bytes.size();
      if (bytes_ > job_.most_bytes) {
        return fail(ErrorCode::TooLarge,
                    cat("the sandbox has given ", readableBytes(job_.most_bytes), " already"),
                    "Allow more with --max-size.");
      }
      return incoming.write(bytes);
    });
    AK_TRY(taken);
    AK_TRY(incoming.commit(taken->mode));
    job_.remote.progress().file();
    return {};
  }

  // Copies what is in `source` into the open `directory`, `depth` levels below the tree's top.
  Status directory(const std::string& source, const sys::OwnedFd& directory, std::size_t depth) {
    if (depth > kMaxDepth) {
      return fail(ErrorCode::TooLarge, cat(printable(source), " is too deep to be copied"),
                  "Copy a part of the tree.");
    }
    const std::vector<RemoteEntry> entries = AK_TRY(job_.remote.list(source));
    entries_ += entries.size();
    if (entries_ > kMaxEntries) {
      return fail(ErrorCode::TooLarge, cat("more than ", kMaxEntries, " entries"),
                  "Copy a part of the tree, or pack it in the sandbox and copy the archive.");
    }
    for (const RemoteEntry& entry : entries) {
      const std::string path = cat(source.ends_with('/') ? source : source + "/", entry.name);
      const Status taken = take(entry, path, directory, depth);
      if (!taken && !isOfTheEntry(taken.error())) {
        return taken;
      }
      if (!taken) {
        job_.leaveOut(path, taken.error());
      }
    }
    return {};
  }

 private:
  // Of this entry and not of the whole copy: it is left out and told. A guest can change its tree
  // while it is copied.
  static bool isOfTheEntry(const Error& error) {
    return error.code == ErrorCode::Unsupported || error.code == ErrorCode::NotFound ||
           error.code == ErrorCode::PermissionDenied || error.code == ErrorCode::InvalidArgument ||
           error.code == ErrorCode::PolicyDenied;
  }

  Status take(const RemoteEntry& entry,
              const std::string& path,
              const sys::OwnedFd& directory,
              std::size_t depth) {
    switch (entry.kind) {
      case RemoteEntry::Kind::File:
        return file(path, directory.get(), entry.name);
      case RemoteEntry::Kind::Directory: {
        const sys::OwnedFd below = AK_TRY(makeDirectory(directory.get(), entry.name, entry.mode));
        return this->directory(path, below, depth + 1);
      }
      case RemoteEntry::Kind::Link:
        if (job_.outside_links == CopyJob::OutsideLinks::Refuse &&
            leadsOutside(entry.target, depth)) {
          return fail(ErrorCode::PolicyDenied, cat("a link to ", printable(entry.target),
                                                   ", which leads out of the copied tree"));
        }
        return putLink(directory.get(), entry.name, entry.target);
      case RemoteEntry::Kind::Other:
        break;
    }
    return fail(ErrorCode::Unsupported, "not a file, directory or link");
  }

  CopyJob& job_;
  std::uint64_t bytes_ = 0;
  std::size_t entries_ = 0;
};

// A directory of this host, and the name in it that the copy gets.
struct Place {
  sys::OwnedFd directory;
  std::string name;       // empty: the directory's own contents
  bool replaces = false;  // not in a directory that was there: the user's own name for it
};

Result<Place> placeFor(const std::string& destination, const std::string& name) {
  // What was named is followed, once.
  auto existing = sys::openPath(destination, O_RDONLY | O_DIRECTORY);
  if (existing) {
    return Place{*std::move(existing), name, false};
  }
  if (destination.ends_with('/') || lastPart(destination).empty()) {
    return std::unexpected(std::move(existing).error());
  }
  const std::string own = lastPart(destination);
  const std::string parent = destination.substr(0, destination.size() - own.size());
  return Place{AK_TRY(sys::openPath(parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY)), own,
               true};
}

// cp(1) would write through it; where a guest can write, it could lead anywhere.
Status refuseLink(const Place& place) {
  struct stat info{};
  if (place.replaces &&
      ::fstatat(place.directory.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISLNK(info.st_mode)) {
    return fail(ErrorCode::Conflict, cat(printable(place.name), " is a symbolic link"),
                "Name what it points to, or remove it.");
  }
  return {};
}

Status toStandardOutput(CopyJob& job, const std::string& source) {
  OutputFd output(STDOUT_FILENO);
  const auto taken = job.remote.read(source, [&](std::string_view bytes) -> Status {
    while (!bytes.empty()) {
      const std::size_t written = AK_TRY(output.write(bytes));
      bytes.remove_prefix(written);
      if (written == 0) {
        AK_TRY(job.remote.waitForOutput(output.pollFd()));
      }
    }
    return {};
  });
  return taken ? Status() : std::unexpected(taken.error());
}

}  // namespace

Status copyOut(CopyJob& job, const std::string& source, const std::string& destination) {
  if (destination == "-") {
    return toStandardOutput(job, source);
  }
  const RemoteEntry entry = AK_TRY(job.remote.stat(source));
  const Place place = AK_TRY(placeFor(destination, lastPart(source)));
  AK_TRY(refuseLink(place));
  TreeTaker taker(job);
  if (entry.kind != RemoteEntry::Kind::Directory) {
    return taker.file(source, place.directory.get(), place.name);
  }
  if (place.name.empty()) {
    return taker.directory(source, place.directory, 0);
  }
  const sys::OwnedFd top = AK_TRY(makeDirectory(place.directory.get(), place.name, entry.mode));
  return taker.directory(source, top, 0);
}

}  // namespace ak::cli
