#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "manager/tree.h"
#include "manager/upper_stack.h"
#include "model/run_request.h"

// What a guest wrote in its copy-on-write workspace, read from the overlay's writable layers.
// Blocking; call on the worker pool. All trees are hostile: the upper ones were made by guests, and
// the guest may still be writing the first. Nothing here follows a symbolic link, leaves its tree,
// or opens a special file.
namespace ak::manager {

struct ChangeTrees {
  Uppers uppers;
  Tree lower;  // the host's workspace
};

inline constexpr std::size_t kMaxChanges = 100'000;
// Of all paths of a list together: a guest that makes each path as long as can be does not make us
// hold a hundred thousand of them.
inline constexpr std::size_t kMaxChangeText = 32 * 1024 * 1024;
inline constexpr std::size_t kMaxDiffFile = 1024 * 1024;
inline constexpr std::size_t kMaxDiffText = 16 * 1024 * 1024;

// The changes at or below one of `paths` (relative to the workspace), all when there are none;
// sorted by path. Looks only where it is asked to. A file whose content and mode equal the host's
// is no change (overlayfs copies up on open for writing, and an applied file stays in the layer).
// InvalidArgument for a path that leads nowhere below the workspace, NotFound when nothing changed
// at one, TooLarge over kMaxChanges or kMaxChangeText. Paths of more than PATH_MAX - 1 bytes, which
// no system call can name, are told by their directory's `partial`.
Result<std::vector<model::Change>> listChanges(const ChangeTrees& trees,
                                               const std::vector<std::string>& paths = {});

// A unified diff. Binary and large files are named in one line each; control bytes of the guest's
// text are made printable, so that a diff cannot drive the reader's terminal.
Result<std::string> diffChanges(const ChangeTrees& trees,
                                const std::vector<model::Change>& changes);

struct ApplyOptions {
  std::uint32_t owner_uid = 0;  // of what is written: the workspace's owner
  std::uint32_t owner_gid = 0;
  // True for a path that the host executes or trusts (.git/hooks, .envrc, ...).
  std::function<bool(const std::string&)> is_protected;
  // Protected paths and links that lead out of the workspace are taken only if the caller named
  // them and says so.
  bool take_protected = false;
};

// Takes changes into the host's workspace: each file complete or not at all (temporary file and
// rename), set-id bits never. PolicyDenied before anything is written when a protected path is
// among them and not to be taken; TooLarge likewise when one is partial. An error in the middle
// names the path; what was taken before it stays.
Result<std::vector<model::Change>> applyChanges(const ChangeTrees& trees,
                                                const std::vector<model::Change>& changes,
                                                const ApplyOptions& options);

// Is the first layer of a stack the sandbox's own, or are all of them frozen?
enum class OwnLayer : bool { None, First };

struct Dropped {
  // Paths at which frozen layers have something too: nothing was dropped there, it takes another
  // layer (snapshots_use.h).
  std::vector<std::string> inherited;
  // Everything was to be dropped, and frozen layers are to be forgotten.
  bool all = false;
};

// Drops what the own layer has at the paths, with all below them and however much that is;
// everything when there are none. Where it fails or says `inherited`, nothing was dropped.
// InvalidArgument and NotFound as above; Conflict for a path that the guest hid by removing or
// replacing a directory above it: dropping that directory is what shows it again. Only while the
// sandbox is stopped: changing the upper layer of a mounted overlay is undefined (kernel
// Documentation/filesystems/overlayfs.rst).
Result<Dropped> discardChanges(const Uppers& uppers,
                               OwnLayer own,
                               const std::vector<std::string>& paths);

}  // namespace ak::manager
