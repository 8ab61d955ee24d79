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
Status discardChanges(const Tree& upper, const std::vector<std::string>& paths) {
  std::vector<std::string> going;
  for (const std::string& written : paths) {
    std::string path = AK_TRY(treePath(written));
    const Standing standing = AK_TRY(standingOf(upper, path));
    if (standing.hidden_by) {
      return fail(
          ErrorCode::Conflict,
          cat("the guest removed or replaced '", printableEnds(*standing.hidden_by),
              "', which hides '", printableEnds(path), "'"),
          cat("Drop that change: agentkernel discard NAME ", printableEnds(*standing.hidden_by)));
    }
    if (standing.entry.kind == EntryKind::Missing) {
      return nothingChangedAt(path);
    }
    going.push_back(std::move(path));
  }
  if (paths.empty()) {
    return removeAll(upper);
  }
  for (const std::string& path : going) {
    AK_TRY(path.empty() ? removeAll(upper) : removeEntry(upper, path));
  }
  return {};
}

}  // namespace ak::manager
