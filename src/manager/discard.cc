#include "base/text.h"
#include "manager/change_entry.h"
#include "manager/changes.h"
#include "sys/directory.h"

namespace ak::manager {

namespace {

// The top itself stays: the next start mounts it.
Status removeAll(const Tree& upper) {
  sys::OwnedFd top = AK_TRY(openDirectory(upper, ""));
  sys::DirectoryReader reader = AK_TRY(sys::DirectoryReader::open(std::move(top)));
  while (const dirent* entry = AK_TRY(reader.next())) {
    AK_TRY(removeEntry(upper, entry->d_name));
  }
  return {};
}

}  // namespace

// Never lists: what a guest made may be too much to list, and has to go all the same.
Result<Dropped> discardChanges(const Uppers& uppers,
                               OwnLayer own,
                               const std::vector<std::string>& paths) {
  const bool has_own = own == OwnLayer::First;
  const Uppers frozen(uppers.begin() + (has_own ? 1 : 0), uppers.end());
  std::vector<std::string> going;
  bool inherited = false;
  bool all = paths.empty();
  for (const std::string& written : paths) {
    std::string path = AK_TRY(treePath(written));
    all = all || path.empty();
    const Standing standing = AK_TRY(standingOf(uppers, path));
    if (standing.hidden_by) {
      return fail(
          ErrorCode::Conflict,
          cat("the guest removed or replaced '", printableEnds(*standing.hidden_by),
              "', which hides '", printableEnds(path), "'"),
          cat("Drop that change: agentkernel discard NAME ", printableEnds(*standing.hidden_by)));
    }
    if (standing.found.entry.kind == EntryKind::Missing) {
      return nothingChangedAt(path);
    }
    if (!frozen.empty() && !path.empty()) {
      const Standing below = AK_TRY(standingOf(frozen, path));
      inherited = inherited || below.found.entry.kind != EntryKind::Missing || below.hidden_by;
    }
    going.push_back(std::move(path));
  }
  if (all) {
    if (has_own) {
      AK_TRY(removeAll(uppers.front()));
    }
    return Dropped{{}, !frozen.empty()};
  }
  if (inherited) {
    return Dropped{std::move(going), false};
  }
  for (const std::string& path : going) {
    AK_TRY(removeEntry(uppers.front(), path));
  }
  return Dropped{};
}

}  // namespace ak::manager
