#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launch/child_state.h"
#include "os/child_safe.h"

namespace ak::launch {

int mountWorkspace(ChildState& child) {
  if (child.workspace < 0) {
    return 0;
  }
  // The target as a path of the new root: `root` is "/" now.
  return os::attachBeneath(child.workspace, child.root, child.claim.target);
}

int mountVolumes(ChildState& child) {
  for (std::size_t i = 0; i < child.claim.volumes; ++i) {
    const int error =
        os::attachBeneath(child.volumes[i], child.root, child.claim.volume_targets[i]);
    ::close(child.volumes[i]);
    if (error != 0) {
      return error;
    }
  }
  return 0;
}

namespace {

// What is bound over `place`: itself, or for a mask the box's /dev/null or an empty directory.
int sourceFor(ChildState& child, char kind, int place) {
  if (kind != 'm') {
    return ::open_tree(place, "",
                       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  }
  struct stat info{};
  if (::fstat(place, &info) != 0) {
    return -1;
  }
  const char* const name = S_ISDIR(info.st_mode) ? "empty" : "null";
  return ::open_tree(child.dev, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

int coverPath(ChildState& child, char kind, int place) {
  const int clone = sourceFor(child, kind, place);
  int error = clone < 0 ? errno : 0;
  if (error == 0 && kind != 'd') {
    struct mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY;
    error = ::mount_setattr(clone, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                            sizeof attributes) == 0
                ? 0
                : errno;
  }
  if (error == 0 &&
      ::move_mount(clone, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    error = errno;
  }
  ::close(clone);
  return error;
}

}  // namespace

int protectPaths(ChildState& child) {
  const char* const end = child.claim.protected_paths + child.claim.protected_size;
  for (const char* entry = child.claim.protected_paths; entry < end;
       entry += std::strlen(entry) + 1) {
    const int place = os::openBeneath(child.workspace, entry + 1, O_PATH);
    if (place == -ENOENT && *entry == 'm') {
      continue;  // nothing to hide
    }
    // A masked path that is a link fails: what it points to would stay in sight.
    if (place < 0) {
      return -place;
    }
    const int error = coverPath(child, *entry, place);
    ::close(place);
    if (error != 0) {
      return error;
    }
  }
  return 0;
}

}  // namespace ak::launch
