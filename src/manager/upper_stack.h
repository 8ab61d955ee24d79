#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manager/change_entry.h"

// The writable layers of one overlay as the one layer that its guest sees: its own, and the frozen
// ones below it. The rules are the kernel's (Documentation/filesystems/overlayfs.rst): the topmost
// layer that has something at a path says what is there; directories of several layers are one; a
// whiteout, an opaque directory or anything that is no directory hides what is below it. What
// attributes could say beyond that is off in our mounts (os/mount.cc).
namespace ak::manager {

// Top first; at least one.
using Uppers = std::vector<Tree>;

// What the stack has at one path.
struct Merged {
  Entry entry;
  std::size_t layer = 0;  // whose entry that is
  // Of a directory: the layers that it is made of, top first.
  std::vector<std::size_t> layers;
  bool hides = false;  // what is below the stack is not seen here
};

// The top of the stack, which always shows what is below it.
Merged topOf(const Uppers& uppers);
// An entry of a directory whose layers are known.
Result<Merged> entryIn(const Uppers& uppers,
                       const std::vector<std::size_t>& directory_layers,
                       const std::string& path);
// Sorted names in such a directory; TooLarge over `limit`.
Result<std::vector<std::string>> namesIn(const Uppers& uppers,
                                         const std::vector<std::size_t>& directory_layers,
                                         const std::string& path,
                                         std::size_t limit);

// The same of a path by itself, and whether something above it hides what is below the stack.
struct Standing {
  Merged found;
  // Of the directory that it is in; none when that is not there.
  std::vector<std::size_t> directory_layers;
  // The topmost path above it that is gone, no directory or opaque; nullopt when all are merged.
  std::optional<std::string> hidden_by;
};

Result<Standing> standingOf(const Uppers& uppers, const std::string& path);

// Who has what is at the path, to open it there.
struct Holder {
  Entry entry;
  const Tree* tree = nullptr;  // one of `uppers`
};

Result<Holder> holderOf(const Uppers& uppers, const std::string& path);

}  // namespace ak::manager
