#include <fcntl.h>
#include <linux/openat2.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <set>

#include "base/text.h"
#include "manager/change_entry.h"
#include "manager/changes.h"
#include "manager/made_repositories.h"
#include "sys/file.h"
#include "sys/random.h"

namespace ak::manager {

using model::Change;

namespace {

// In one message.
constexpr std::size_t kMostNamed = 20;

// The paths for a message, or the first of them.
std::string some(const std::set<std::string>& paths) {
  std::vector<std::string> shown;
  for (const std::string& path : paths | std::views::take(kMostNamed)) {
    shown.push_back(printableEnds(path));
  }
  if (paths.size() > kMostNamed) {
    shown.push_back(cat("and ", paths.size() - kMostNamed, " more"));
  }
  return join(shown, ", ");
}

std::string parentOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

std::string nameOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

// A link whose target is absolute or climbs above the workspace: a later tool of the user's that
// writes through it would write wherever the guest chose. `..` is good at the beginning only, where
// it leaves directories that are no links: after a name it may leave the target of another link of
// the guest's ("up -> ." makes "up/up/../.." climb two levels).
bool leadsOut(const std::string& path, const std::string& target) {
  if (target.starts_with('/')) {
    return true;
  }
  auto depth = std::ranges::count(path, '/');
  bool named = false;
  for (const std::string_view part : split(target, '/')) {
    if (part == ".." && (named || --depth < 0)) {
      return true;
    }
    named = named || (part != ".." && !part.empty() && part != ".");
  }
  return false;
}

class Applier {
 public:
  Applier(const ChangeTrees& trees, const ApplyOptions& options)
      : trees_(trees), options_(options) {}

  // Deletions first, deepest first, so that a file can become a directory and the other way round;
  // then the rest in path order, parents before children.
  Result<std::vector<Change>> run(const std::vector<Change>& changes) {
    AK_TRY(checkAll(changes));
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
      if (change->kind == Change::Kind::Deleted) {
        AK_TRY(named(*change, removeOne(change->path)));
      }
    }
    for (const Change& change : changes) {
      if (change.kind != Change::Kind::Deleted) {
        AK_TRY(named(change, takeOne(change.path)));
      }
    }
    return changes;
  }

 private:
  static Status named(const Change& change, Status done) {
    if (!done) {
      return std::unexpected(
          std::move(done).error().context(cat("applying ", printableEnds(change.path))));
    }
    return done;
  }

  Status checkAll(const std::vector<Change>& changes) {
    const auto partial = std::ranges::find_if(changes, &Change::partial);
    if (partial != changes.end()) {
      return fail(ErrorCode::TooLarge,
                  cat("below '", printableEnds(partial->path),
                      "' there are paths that are too long to be taken"),
                  "Apply the other paths by name, or drop this one: agentkernel discard NAME PATH");
    }
    if (options_.take_protected) {
      return {};
    }
    std::set<std::string> refused;
    for (const Change& change : changes) {
      bool refuse = options_.is_protected(change.path);
      if (!refuse && change.kind != Change::Kind::Deleted && S_ISLNK(change.mode)) {
        const Holder holder = AK_TRY(holderOf(trees_.uppers, change.path));
        const std::string target = AK_TRY(readLink(*holder.tree, change.path));
        refuse = leadsOut(change.path, target);
      }
      if (refuse) {
        refused.insert(change.path);
      }
    }
    for (std::string& part : AK_TRY(repositoryParts(trees_.lower, changes))) {
      refused.insert(std::move(part));
    }
    if (refused.empty()) {
      return {};
    }
    return fail(
        ErrorCode::PolicyDenied,
        cat("the guest changed paths that this machine executes or trusts, or links that lead "
            "out of the workspace: ",
            some(refused)),
        "Look at them with 'agentkernel diff', then name them with --force, or apply the "
        "other paths by name.");
  }

  // The parent directory on the host, made where the guest made one.
  Result<sys::OwnedFd> parent(const std::string& path) {
    const std::string directory = parentOf(path);
    std::string so_far;
    for (const std::string_view part : split(directory, '/')) {
      if (part.empty()) {
        continue;
      }
      const std::string next = below(so_far, std::string(part));
      const Entry entry = AK_TRY(lookAt(trees_.lower, next));
      if (entry.kind == EntryKind::Missing) {
        AK_TRY(makeDirectory(so_far, std::string(part), 0755));
      }
      so_far = next;
    }
    return openDirectory(trees_.lower, directory);
  }

  Status own(int fd, const std::string& what) {
    // Only root may give files away; as an ordinary user the workspace is ours already.
    if (::geteuid() == 0 && ::fchownat(fd, "", options_.owner_uid, options_.owner_gid,
                                       AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0) {
      return failErrno(cat("chown ", printableEnds(what)));
    }
    return {};
  }

  Status makeDirectory(const std::string& inside, const std::string& name, mode_t mode) {
    const sys::OwnedFd directory = AK_TRY(openDirectory(trees_.lower, inside));
    if (::mkdirat(directory.get(), name.c_str(), 0700) != 0 && errno != EEXIST) {
      return failErrno("mkdir");
    }
    const sys::OwnedFd made = AK_TRY(openDirectory(Tree{directory.get()}, name));
    AK_TRY(own(made.get(), name));
    if (::fchmod(made.get(), mode & 0777U) != 0) {
      return failErrno("chmod");
    }
    return {};
  }

  Status removeOne(const std::string& path) {
    const Entry entry = AK_TRY(lookAt(trees_.lower, path));
    if (entry.kind == EntryKind::Missing) {
      return {};
    }
    const sys::OwnedFd directory = AK_TRY(openDirectory(trees_.lower, parentOf(path)));
    const int flags = entry.kind == EntryKind::Directory ? AT_REMOVEDIR : 0;
    if (::unlinkat(directory.get(), nameOf(path).c_str(), flags) != 0 && errno != ENOENT) {
      return failErrno("remove");
    }
    return {};
  }

  Status takeOne(const std::string& path) {
    const Holder holder = AK_TRY(holderOf(trees_.uppers, path));
    const Entry& upper = holder.entry;
    const Entry lower = AK_TRY(lookAt(trees_.lower, path));
    const sys::OwnedFd directory = AK_TRY(parent(path));
    if (lower.kind == EntryKind::Directory && upper.kind != EntryKind::Directory) {
      AK_TRY(sys::removeTree(directory.get(), nameOf(path)));
    } else if (upper.kind == EntryKind::Directory && lower.kind != EntryKind::Directory &&
               lower.kind != EntryKind::Missing) {
      AK_TRY(removeOne(path));
    }
    switch (upper.kind) {
      case EntryKind::Directory:
        return makeDirectory(parentOf(path), nameOf(path), upper.info.st_mode);
      case EntryKind::Symlink:
        return takeLink(*holder.tree, directory.get(), path);
      case EntryKind::File:
        return takeFile(*holder.tree, directory.get(), path);
      case EntryKind::Missing:
        return fail(ErrorCode::Conflict, "the guest has removed it meanwhile");
      case EntryKind::Whiteout:
      case EntryKind::Special:
        return fail(ErrorCode::Unsupported, "sockets, pipes and devices are not applied",
                    "Apply the other paths by name.");
    }
    return fail(ErrorCode::Internal, "unknown kind of entry");
  }

  Status takeLink(const Tree& tree, int directory, const std::string& path) {
    const std::string target = AK_TRY(readLink(tree, path));
    // Again: a guest that still runs may have put it there after checkAll().
    if (!options_.take_protected && leadsOut(path, target)) {
      return fail(ErrorCode::PolicyDenied, "it became a link that leads out of the workspace");
    }
    const std::string temporary = cat(".ak-apply-", sys::KernelRandom().hex(8));
    if (::symlinkat(target.c_str(), directory, temporary.c_str()) != 0) {
      return failErrno("symlink");
    }
    return finish(directory, temporary, path, [&] {
      if (::geteuid() == 0 && ::fchownat(directory, temporary.c_str(), options_.owner_uid,
                                         options_.owner_gid, AT_SYMLINK_NOFOLLOW) != 0) {
        return Status(failErrno("chown"));
      }
      return Status();
    });
  }

  Status takeFile(const Tree& tree, int directory, const std::string& path) {
    const sys::OwnedFd source = AK_TRY(openRegular(tree, path));
    struct stat info{};
    if (::fstat(source.get(), &info) != 0) {
      return failErrno("stat");
    }
    const std::string temporary = cat(".ak-apply-", sys::KernelRandom().hex(8));
    const sys::OwnedFd target =
        AK_TRY(sys::openAt(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    return finish(directory, temporary, path, [&]() -> Status {
      AK_TRY(sys::copyBytes(source.get(), target.get()));
      AK_TRY(own(target.get(), path));
      if (::fchmod(target.get(), info.st_mode & 0777U) != 0) {
        return failErrno("chmod");
      }
      return {};
    });
  }

  // Runs `fill`, then puts the temporary in place; on failure the temporary is removed.
  template <typename Fill>
  Status finish(int directory, const std::string& temporary, const std::string& path, Fill fill) {
    Status done = fill();
    if (done && ::renameat(directory, temporary.c_str(), directory, nameOf(path).c_str()) != 0) {
      done = failErrno("rename");
    }
    if (!done) {
      ::unlinkat(directory, temporary.c_str(), 0);
    }
    return done;
  }

  const ChangeTrees& trees_;
  const ApplyOptions& options_;
};

}  // namespace

Result<std::vector<Change>> applyChanges(const ChangeTrees& trees,
                                         const std::vector<Change>& changes,
                                         const ApplyOptions& options) {
  return Applier(trees, options).run(changes);
}

}  // namespace ak::manager
