#include "manager/made_repositories.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "base/text.h"
#include "manager/change_entry.h"

namespace ak::manager {

using model::Change;

namespace {

// Of a repository: what git looks for to know one, and what names programs or leads elsewhere.
constexpr std::array<std::string_view, 9> kParts = {
    "head",  "objects", "commondir", "config",   "config.worktree",
    "hooks", "modules", "refs",      "worktrees"};
constexpr unsigned kHead = 1;
constexpr unsigned kObjects = 2;
constexpr unsigned kCommonDir = 4;

// The bit of a name that is a part, in any case; 0 of any other.
unsigned partBit(std::string_view name) {
  const auto same = [](char a, char b) {
    return a == (b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b);
  };
  for (std::size_t i = 0; i < kParts.size(); ++i) {
    if (std::ranges::equal(kParts.at(i), name, same)) {
      return 1U << i;
    }
  }
  return 0;
}

// What a directory holds of a repository's parts, on the host or after the changes. The paths are
// borrowed from the changes: a guest can make them long and nest parts in parts.
struct Directory {
  unsigned parts = 0;
  std::vector<std::string_view> paths;

  // `objects` and `refs` are elsewhere where there is a `commondir`.
  bool isRepository() const {
    return (parts & kHead) != 0 && (parts & (kObjects | kCommonDir)) != 0;
  }
};

using Directories = std::map<std::string_view, Directory>;

void note(std::string_view path, Directories& directories) {
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const unsigned bit = partBit(path.substr(begin, end - begin));
    if (bit != 0) {
      Directory& directory = directories[path.substr(0, begin == 0 ? 0 : begin - 1)];
      directory.parts |= bit;
      if (directory.paths.empty() || directory.paths.back() != path.substr(0, end)) {
        directory.paths.push_back(path.substr(0, end));
      }
    }
    begin = end + 1;
  }
}

}  // namespace

Result<std::vector<std::string>> repositoryParts(const Tree& host,
                                                 const std::vector<Change>& changes) {
  Directories directories;
  for (const Change& change : changes) {
    if (change.kind != Change::Kind::Deleted) {
      note(change.path, directories);
    }
  }
  std::vector<std::string> found;
  for (auto& [path, directory] : directories) {
    for (const char* name : {"HEAD", "objects", "commondir"}) {
      const std::string there = below(std::string(path), name);
      const Entry entry = there.size() > kMaxChangePath ? Entry{} : AK_TRY(lookAt(host, there));
      if (entry.kind != EntryKind::Missing) {
        directory.parts |= partBit(name);
      }
    }
    if (directory.isRepository()) {
      found.insert(found.end(), directory.paths.begin(), directory.paths.end());
    }
  }
  return found;
}

}  // namespace ak::manager
