#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "manager/tree.h"
#include "model/run_request.h"

// What a guest wrote in its copy-on-write workspace, read from the overlay's upper directory.
// Blocking; call on the worker pool. Both trees are hostile: the upper one was made by the guest,
// and the guest may still be writing it. Nothing here follows a symbolic link, leaves its tree, or
// opens a special file.
namespace ak::manager {

struct ChangeTrees {
  Tree upper;  // the overlay's upper layer
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

// Drops what the layer has at the paths, with all below them and however much that is; everything
// when there are none. InvalidArgument and NotFound as above; Conflict for a path that the guest
// hid by removing or replacing a directory above it: dropping that directory is what shows it
// again. Only while the sandbox is stopped: changing the upper layer of a mounted overlay is
// undefined (kernel Documentation/filesystems/overlayfs.rst).
Status discardChanges(const Tree& upper, const std::vector<std::string>& paths);

}  // namespace ak::manager
