#include "manager/made_repositories.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "base/text.h"
#include "manager/change_entry.h"

namespace ak::manager {

using model::Change;

namespace {

constexpr std::string_view kHead = "head";

// Of a repository: what git looks for to know one, and what names programs or leads elsewhere.
constexpr std::array<std::string_view, 9> kParts = {"commondir", "config", "config.worktree",
                                                    "head",      "hooks",  "modules",
                                                    "objects",   "refs",   "worktrees"};

bool isPart(std::string_view lower_name) {
  return std::ranges::find(kParts, lower_name) != kParts.end();
}

// What a directory holds of a repository's parts, on the host or after the changes.
using Parts = std::set<std::string, std::less<>>;

// `objects` and `refs` are elsewhere where there is a `commondir`.
bool makeRepository(const Parts& parts) {
  return parts.contains(kHead) && (parts.contains("objects") || parts.contains("commondir"));
}

}  // namespace

Result<std::vector<std::string>> repositoryParts(const Tree& host,
                                                 const std::vector<Change>& changes) {
  std::map<std::string, Parts> directories;
  std::map<std::string, std::vector<std::string>> paths;
  for (const Change& change : changes) {
    std::string directory;
    for (const std::string_view name : split(change.path, '/')) {
      const std::string part = toLower(name);
      if (change.kind != Change::Kind::Deleted && isPart(part)) {
        directories[directory].insert(part);
        paths[directory].push_back(printable(change.path));
      }
      directory = below(directory, std::string(name));
    }
  }
  std::vector<std::string> found;
  for (auto& [directory, parts] : directories) {
    for (const char* name : {"HEAD", "objects", "commondir"}) {
      const Entry entry = AK_TRY(lookAt(host, below(directory, name)));
      if (entry.kind != EntryKind::Missing) {
        parts.insert(toLower(name));
      }
    }
    if (makeRepository(parts)) {
      found.insert(found.end(), paths[directory].begin(), paths[directory].end());
    }
  }
  return found;
}

}  // namespace ak::manager
