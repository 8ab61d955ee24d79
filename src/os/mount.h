#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/box.h"
#include "sys/owned_fd.h"

// Mounts by descriptor (open_tree(2), fsopen(2), mount_setattr(2); Linux 5.12): a path is resolved
// once, to a descriptor, and never again, so nobody can put a link in its place in between.
namespace ak::os {

// Flags for every mount of ours that holds files of an image or a project.
enum class Access : std::uint8_t { ReadWrite, ReadOnly };

// Opens the inode that the daemon checked (O_PATH). Conflict when another one is there now.
Result<sys::OwnedFd> openHostPath(const model::HostPath& path);

// A detached copy of the mount below `path_fd` (O_PATH): nosuid, nodev, and read-only if asked.
Result<sys::OwnedFd> cloneTree(int path_fd, Access access);

// Of one mount; others of the same file system stay as they are.
Status makeReadOnly(int mount_fd);

// Shows the detached mount through the mapping of user namespace `userns_fd`: its "inside" ids are
// the ids on disk. Unsupported when the file system cannot (tmpfs before 6.3, overlayfs, most
// FUSE).
Status idmap(int mount_fd, int userns_fd);

// A new file system instance as a detached mount. Options with an empty value are flags.
struct NewMount {
  std::string type;
  std::vector<std::pair<std::string, std::string>> options;
  std::uint64_t attributes = 0;  // MOUNT_ATTR_*
};

Result<sys::OwnedFd> makeMount(const NewMount& mount);

struct Overlay {
  struct Lower {
    int mount = -1;     // detached
    std::string below;  // the layer's directory in it; "": its top
  };

  std::vector<Lower> lower;  // top layer first; at least one
  int upper = -1;            // directories on one mount
  int work = -1;
  enum class Xattr : std::uint8_t { Trusted, User } xattr = Xattr::Trusted;  // User: rootless
  enum class Sync : std::uint8_t { Durable, Volatile } sync = Sync::Durable;
  // Kernels before 6.15 take no detached mount as a layer: the lower ones are attached below
  // `place`, a directory in our mount namespace, while the overlay is made (nothing stays there;
  // the working directory moves there), and the caller has attached the writable one somewhere.
  enum class Layers : std::uint8_t { Detached, Attached } layers = Layers::Detached;
  int place = -1;
};

// nosuid, nodev.
Result<sys::OwnedFd> makeOverlay(const Overlay& overlay);

// Does this kernel take detached mounts as layers? Makes a small overlay to find out.
bool overlayTakesDetachedLayers(Overlay::Xattr xattr);

Status attach(int mount_fd, int dir_fd, const std::string& path);

}  // namespace ak::os
