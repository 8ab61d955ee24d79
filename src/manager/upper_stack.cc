#include "manager/upper_stack.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "base/text.h"

namespace ak::manager {

Merged topOf(const Uppers& uppers) {
  Merged top;
  top.entry.kind = EntryKind::Directory;
  top.layers.resize(uppers.size());
  std::iota(top.layers.begin(), top.layers.end(), std::size_t{0});
  return top;
}

Result<Merged> entryIn(const Uppers& uppers,
                       const std::vector<std::size_t>& directory_layers,
                       const std::string& path) {
  Merged merged;
  for (const std::size_t layer : directory_layers) {
    const Entry entry = AK_TRY(lookAt(uppers[layer], path));
    if (entry.kind == EntryKind::Missing) {
      continue;
    }
    if (merged.entry.kind == EntryKind::Missing) {
      merged.entry = entry;
      merged.layer = layer;
    }
    if (entry.kind != EntryKind::Directory) {
      merged.hides = true;
      break;
    }
    merged.layers.push_back(layer);
    if (AK_TRY(isOpaque(uppers[layer], path))) {
      merged.hides = true;
      break;
    }
  }
  return merged;
}

Result<std::vector<std::string>> namesIn(const Uppers& uppers,
                                         const std::vector<std::size_t>& directory_layers,
                                         const std::string& path,
                                         std::size_t limit) {
  std::vector<std::string> all;
  for (const std::size_t layer : directory_layers) {
    const std::vector<std::string> ours = AK_TRY(listNames(uppers[layer], path, limit));
    std::vector<std::string> both;
    std::ranges::set_union(all, ours, std::back_inserter(both));
    all = std::move(both);
    if (all.size() > limit) {
      return fail(ErrorCode::TooLarge, "too many changed paths to list", kNameThem);
    }
  }
  return all;
}

Result<Standing> standingOf(const Uppers& uppers, const std::string& path) {
  Standing standing;
  Merged above = topOf(uppers);
  if (path.empty()) {
    standing.found = std::move(above);
    return standing;
  }
  std::string so_far;
  const auto names = split(path, '/');
  for (std::size_t i = 0; i + 1 < names.size(); ++i) {
    so_far = below(so_far, std::string(names[i]));
    above = AK_TRY(entryIn(uppers, above.layers, so_far));
    if (above.hides && !standing.hidden_by) {
      standing.hidden_by = so_far;
    }
    if (above.entry.kind != EntryKind::Directory) {
      return standing;
    }
  }
  standing.found = AK_TRY(entryIn(uppers, above.layers, path));
  standing.directory_layers = std::move(above.layers);
  return standing;
}

Result<Holder> holderOf(const Uppers& uppers, const std::string& path) {
  if (uppers.size() == 1) {
    return Holder{AK_TRY(lookAt(uppers.front(), path)), &uppers.front()};
  }
  const Standing standing = AK_TRY(standingOf(uppers, path));
  return Holder{standing.found.entry, &uppers[standing.found.layer]};
}

}  // namespace ak::manager
