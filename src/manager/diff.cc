#include <algorithm>

#include "base/text.h"
#include "manager/change_entry.h"
#include "manager/changes.h"
#include "manager/line_diff.h"
#include "sys/file.h"

namespace ak::manager {

using model::Change;

namespace {

struct Side {
  bool exists = false;
  bool text = false;
  std::string content;
};

Result<Side> load(const Tree& tree, const std::string& path) {
  const Entry entry = AK_TRY(lookAt(tree, path));
  Side side;
  if (entry.kind == EntryKind::Symlink) {
    side.content = cat("-> ", AK_TRY(readLink(tree, path)), "\n");
    side.exists = side.text = true;
  } else if (entry.kind == EntryKind::File) {
    side.exists = true;
    const Result<sys::OwnedFd> fd = openRegular(tree, path);
    if (!fd && fd.error().code == ErrorCode::PermissionDenied) {
      return side;
    }
    if (!fd) {
      return std::unexpected(fd.error());
    }
    Result<std::string> content = sys::readAll(fd->get(), kMaxDiffFile);
    if (!content && content.error().code != ErrorCode::TooLarge) {
      return std::unexpected(std::move(content).error());
    }
    side.text = content && !content->contains('\0');
    side.content = side.text ? std::move(*content) : std::string();
  }
  return side;
}

std::string_view word(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::Added:
      return "added";
    case Change::Kind::Modified:
      return "modified";
    case Change::Kind::Deleted:
      return "deleted";
  }
  return "changed";
}

std::string safeLine(std::string_view line) {
  // A tab is harmless and common in source.
  std::string safe;
  for (const std::string_view part : split(line, '\t')) {
    safe +=
        safe.empty() && part.data() == line.data() ? printable(part) : cat("\t", printable(part));
  }
  return safe;
}

}  // namespace

Result<std::string> diffChanges(const ChangeTrees& trees, const std::vector<Change>& changes) {
  std::string text;
  for (const Change& change : changes) {
    if (text.size() > kMaxDiffText) {
      text += "(the rest is left out: the diff is over 16 MiB)\n";
      break;
    }
    const std::string path = printable(change.path);
    const Side before = AK_TRY(load(trees.lower, change.path));
    Side after;
    if (change.kind != Change::Kind::Deleted) {
      const Holder holder = AK_TRY(holderOf(trees.uppers, change.path));
      after = AK_TRY(load(*holder.tree, change.path));
    }
    if (!before.exists && !after.exists) {
      text += cat(word(change.kind), " ", path, S_ISDIR(change.mode) ? "/" : "",
                  change.partial ? " (and paths below it that are too long to show)" : "", "\n");
      continue;
    }
    if ((before.exists && !before.text) || (after.exists && !after.text)) {
      text += cat(word(change.kind), " ", path, " (binary, large or not readable)\n");
      continue;
    }
    text += cat("--- ", before.exists ? cat("a/", path) : "/dev/null", "\n+++ ",
                after.exists ? cat("b/", path) : "/dev/null", "\n");
    for (const std::string& line : unifiedLines(before.content, after.content)) {
      text += cat(line.substr(0, 1), safeLine(std::string_view(line).substr(1)), "\n");
    }
  }
  return text;
}

}  // namespace ak::manager
