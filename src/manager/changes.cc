#include "manager/changes.h"

#include <algorithm>

#include "base/text.h"
#include "manager/change_entry.h"
#include "sys/file.h"

namespace ak::manager {

using model::Change;

namespace {

constexpr std::size_t kMaxPath = 4096;

// Walks both trees side by side with a list of directories still to do: a guest's tree may be
// deeper than any stack.
class Walk {
 public:
  explicit Walk(const ChangeTrees& trees) : trees_(trees) {}

  Result<std::vector<Change>> run() {
    pending_.push_back({"", Side::Upper});
    while (!pending_.empty()) {
      const Item item = std::move(pending_.back());
      pending_.pop_back();
      if (item.path.size() > kMaxPath) {
        return fail(ErrorCode::TooLarge, "the guest made a path of more than 4096 bytes");
      }
      AK_TRY(item.side == Side::Upper ? walkUpper(item.path) : walkRemoved(item.path));
    }
    std::ranges::sort(changes_, {}, &Change::path);
    return std::move(changes_);
  }

 private:
  enum class Side { Upper, Removed };

  struct Item {
    std::string path;
    Side side;
  };

  Status add(Change::Kind kind, const std::string& path, const Entry& entry) {
    if (changes_.size() >= kMaxChanges) {
      return fail(ErrorCode::TooLarge, cat("more than ", kMaxChanges, " changed paths"),
                  "Name the paths that you want.");
    }
    changes_.push_back({kind, path, static_cast<std::uint64_t>(entry.info.st_size),
                        static_cast<std::uint32_t>(entry.info.st_mode)});
    return {};
  }

  // Everything that the lower layer has at `path` is gone from the guest's view.
  Status remove(const std::string& path, const Entry& lower) {
    if (lower.kind == EntryKind::Missing) {
      return {};
    }
    if (lower.kind == EntryKind::Directory) {
      pending_.push_back({path, Side::Removed});
    }
    return add(Change::Kind::Deleted, path, lower);
  }

  Status walkRemoved(const std::string& directory) {
    for (const std::string& name : AK_TRY(listNames(trees_.lower, directory, kMaxChanges))) {
      const std::string path = below(directory, name);
      const Entry lower = AK_TRY(lookAt(trees_.lower, path));
      AK_TRY(remove(path, lower));
    }
    return {};
  }

  Status walkUpper(const std::string& directory) {
    const std::vector<std::string> names = AK_TRY(listNames(trees_.upper, directory, kMaxChanges));
    const Entry lower_directory = AK_TRY(lookAt(trees_.lower, directory));
    const bool opaque = AK_TRY(isOpaque(trees_.upper, directory));
    if (opaque && lower_directory.kind == EntryKind::Directory) {
      for (const std::string& name : AK_TRY(listNames(trees_.lower, directory, kMaxChanges))) {
        if (!std::ranges::binary_search(names, name)) {
          const std::string path = below(directory, name);
          const Entry lower = AK_TRY(lookAt(trees_.lower, path));
          AK_TRY(remove(path, lower));
        }
      }
    }
    for (const std::string& name : names) {
      AK_TRY(compare(below(directory, name)));
    }
    return {};
  }

  Status compare(const std::string& path) {
    const Entry upper = AK_TRY(lookAt(trees_.upper, path));
    const Entry lower = AK_TRY(lookAt(trees_.lower, path));
    if (upper.kind == EntryKind::Missing) {
      return {};  // removed by the guest while we look
    }
    if (upper.kind == EntryKind::Whiteout) {
      return remove(path, lower);
    }
    if (upper.kind == EntryKind::Directory) {
      pending_.push_back({path, Side::Upper});
      if (lower.kind == EntryKind::Directory) {
        return {};
      }
      return add(lower.kind == EntryKind::Missing ? Change::Kind::Added : Change::Kind::Modified,
                 path, upper);
    }
    if (lower.kind == EntryKind::Missing) {
      return add(Change::Kind::Added, path, upper);
    }
    if (lower.kind == EntryKind::Directory) {
      pending_.push_back({path, Side::Removed});
      return add(Change::Kind::Modified, path, upper);
    }
    const bool same = AK_TRY(sameContent(path, upper, lower));
    return same ? Status{} : add(Change::Kind::Modified, path, upper);
  }

  Result<bool> sameContent(const std::string& path, const Entry& upper, const Entry& lower) {
    if (upper.kind != lower.kind || (upper.info.st_mode & 0777U) != (lower.info.st_mode & 0777U) ||
        upper.info.st_size != lower.info.st_size) {
      return false;
    }
    if (upper.kind == EntryKind::Symlink) {
      const std::string ours = AK_TRY(readLink(trees_.upper, path));
      const std::string theirs = AK_TRY(readLink(trees_.lower, path));
      return ours == theirs;
    }
    if (upper.kind != EntryKind::File) {
      return false;
    }
    const sys::OwnedFd ours = AK_TRY(openRegular(trees_.upper, path));
    const Result<sys::OwnedFd> theirs = openRegular(trees_.lower, path);
    if (!theirs && theirs.error().code == ErrorCode::PermissionDenied) {
      return false;  // the user may not read it on the host: a difference is not ruled out
    }
    if (!theirs) {
      return std::unexpected(theirs.error());
    }
    return sys::sameBytes(ours.get(), theirs->get());
  }

  const ChangeTrees& trees_;
  std::vector<Item> pending_;
  std::vector<Change> changes_;
};

}  // namespace

Result<std::vector<Change>> listChanges(const ChangeTrees& trees) {
  return Walk(trees).run();
}

Result<std::vector<Change>> selectChanges(std::vector<Change> changes,
                                          const std::vector<std::string>& paths) {
  if (paths.empty()) {
    return changes;
  }
  std::vector<Change> selected;
  for (std::string path : paths) {
    while (path.starts_with("./")) {
      path.erase(0, 2);
    }
    while (path.ends_with('/')) {
      path.pop_back();
    }
    const std::size_t before = selected.size();
    std::ranges::copy_if(changes, std::back_inserter(selected), [&](const Change& change) {
      return change.path == path || path == "." || change.path.starts_with(cat(path, "/"));
    });
    if (selected.size() == before) {
      return fail(ErrorCode::NotFound, cat("nothing changed at '", printable(path), "'"),
                  "See what changed with: agentkernel diff NAME");
    }
  }
  std::ranges::sort(selected, {}, &Change::path);
  const auto repeated = std::ranges::unique(selected, {}, &Change::path);
  selected.erase(repeated.begin(), repeated.end());
  return selected;
}

}  // namespace ak::manager
