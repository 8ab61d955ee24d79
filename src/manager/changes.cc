#include "manager/changes.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "manager/change_entry.h"
#include "sys/file.h"

namespace ak::manager {

using model::Change;

namespace {

// Walks both trees side by side with a list of directories still to do: a guest's tree may be
// deeper than any stack.
class Walk {
 public:
  explicit Walk(const ChangeTrees& trees) : trees_(trees) {}

  Status all() {
    pending_.push_back({"", Side::Upper, topOf(trees_.uppers).layers, false});
    return drain();
  }

  Status from(const std::string& path) {
    if (path.empty()) {
      return all();
    }
    const Standing standing = AK_TRY(standingOf(trees_.uppers, path));
    if (standing.found.entry.kind != EntryKind::Missing) {
      AK_TRY(compare(path, standing.found, standing.hidden_by.has_value()));
    } else if (standing.hidden_by) {
      const Entry lower = AK_TRY(lookAt(trees_.lower, path));
      AK_TRY(remove(path, lower));
    }
    return drain();
  }

  std::size_t found() const { return changes_.size() + partial_.size(); }

  Result<std::vector<Change>> take() {
    for (Change& change : changes_) {
      change.partial = partial_.erase(change.path) != 0;
    }
    for (const std::string& directory : partial_) {  // both sides have it; what is below differs
      changes_.push_back({.kind = Change::Kind::Modified,
                          .path = directory,
                          .mode = S_IFDIR | 0755U,
                          .partial = true});
    }
    std::ranges::sort(changes_, {}, &Change::path);
    const auto repeated = std::ranges::unique(changes_, {}, &Change::path);
    changes_.erase(repeated.begin(), repeated.end());
    return std::move(changes_);
  }

 private:
  enum class Side { Upper, Removed };

  struct Item {
    std::string path;
    Side side;
    // Of one in the upper layers: which it is made of, and whether the host's content of it is
    // hidden, by itself or by a directory above.
    std::vector<std::size_t> layers;
    bool hidden = false;
  };

  Status drain() {
    while (!pending_.empty()) {
      const Item item = std::move(pending_.back());
      pending_.pop_back();
      AK_TRY(item.side == Side::Upper ? walkUpper(item) : walkRemoved(item.path));
    }
    return {};
  }

  Status add(Change::Kind kind, const std::string& path, const Entry& entry) {
    text_ += path.size();
    if (changes_.size() >= kMaxChanges || text_ > kMaxChangeText) {
      return fail(ErrorCode::TooLarge, "too many changed paths to list", kNameThem);
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
      pending_.push_back({path, Side::Removed, {}, true});
    }
    return add(Change::Kind::Deleted, path, lower);
  }

  // Those of the names whose paths can be named; the directory is marked if there are others.
  std::vector<std::string> nameable(const std::string& directory, std::vector<std::string> names) {
    const std::size_t dropped = std::erase_if(names, [&](const std::string& name) {
      return directory.size() + 1 + name.size() > kMaxChangePath;
    });
    if (dropped != 0) {
      partial_.insert(directory);
    }
    return names;
  }

  Result<std::vector<std::string>> lowerNames(const std::string& directory) {
    std::vector<std::string> names = AK_TRY(listNames(trees_.lower, directory, kMaxChanges));
    return nameable(directory, std::move(names));
  }

  Status walkRemoved(const std::string& directory) {
    for (const std::string& name : AK_TRY(lowerNames(directory))) {
      const std::string path = below(directory, name);
      const Entry lower = AK_TRY(lookAt(trees_.lower, path));
      AK_TRY(remove(path, lower));
    }
    return {};
  }

  Status walkUpper(const Item& item) {
    const std::string& directory = item.path;
    std::vector<std::string> names =
        AK_TRY(namesIn(trees_.uppers, item.layers, directory, kMaxChanges));
    const std::vector<std::string> ours = nameable(directory, std::move(names));
    const Entry lower_directory = AK_TRY(lookAt(trees_.lower, directory));
    if (item.hidden && lower_directory.kind == EntryKind::Directory) {
      for (const std::string& name : AK_TRY(lowerNames(directory))) {
        if (!std::ranges::binary_search(ours, name)) {
          const std::string path = below(directory, name);
          const Entry lower = AK_TRY(lookAt(trees_.lower, path));
          AK_TRY(remove(path, lower));
        }
      }
    }
    for (const std::string& name : ours) {
      const std::string path = below(directory, name);
      const Merged merged = AK_TRY(entryIn(trees_.uppers, item.layers, path));
      AK_TRY(compare(path, merged, item.hidden));
    }
    return {};
  }

  // `hidden`: what the host has in the directory above is.
  Status compare(const std::string& path, const Merged& merged, bool hidden) {
    const Entry& upper = merged.entry;
    const Entry lower = AK_TRY(lookAt(trees_.lower, path));
    if (upper.kind == EntryKind::Missing) {
      return {};  // removed by the guest while we look
    }
    if (upper.kind == EntryKind::Whiteout) {
      return remove(path, lower);
    }
    if (upper.kind == EntryKind::Directory) {
      pending_.push_back({path, Side::Upper, merged.layers, hidden || merged.hides});
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
      pending_.push_back({path, Side::Removed, {}, true});
      return add(Change::Kind::Modified, path, upper);
    }
    const bool same = AK_TRY(sameContent(path, trees_.uppers[merged.layer], upper, lower));
    return same ? Status{} : add(Change::Kind::Modified, path, upper);
  }

  Result<bool> sameContent(const std::string& path,
                           const Tree& tree,
                           const Entry& upper,
                           const Entry& lower) {
    if (upper.kind != lower.kind || (upper.info.st_mode & 0777U) != (lower.info.st_mode & 0777U) ||
        upper.info.st_size != lower.info.st_size) {
      return false;
    }
    if (upper.kind == EntryKind::Symlink) {
      const std::string ours = AK_TRY(readLink(tree, path));
      const std::string theirs = AK_TRY(readLink(trees_.lower, path));
      return ours == theirs;
    }
    if (upper.kind != EntryKind::File) {
      return false;
    }
    const sys::OwnedFd ours = AK_TRY(openRegular(tree, path));
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
  std::size_t text_ = 0;
  std::set<std::string> partial_;
};

}  // namespace

Result<std::vector<Change>> listChanges(const ChangeTrees& trees,
                                        const std::vector<std::string>& paths) {
  Walk walk(trees);
  if (paths.empty()) {
    AK_TRY(walk.all());
  }
  for (const std::string& written : paths) {
    const std::size_t before = walk.found();
    const std::string path = AK_TRY(treePath(written));
    AK_TRY(walk.from(path));
    if (walk.found() == before) {
      return nothingChangedAt(path);
    }
  }
  return walk.take();
}

}  // namespace ak::manager
