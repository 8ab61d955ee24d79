#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

// For tests: version 2 alone, as most machines have it, on one that has version 1 beside it.
namespace ak::os::testing {

// For a child before it does its work, as root: from then on it and what it starts see the version
// 2 hierarchy at /sys/fs/cgroup and no other.
inline bool hideCgroupV1() {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return false;
  }
  const int v2 = ::open_tree(AT_FDCWD, "/sys/fs/cgroup/unified", OPEN_TREE_CLONE);
  if (v2 < 0) {
    return errno == ENOENT;  // it is alone
  }
  const bool moved = ::umount2("/sys/fs/cgroup", MNT_DETACH) == 0 &&
                     ::move_mount(v2, "", AT_FDCWD, "/sys/fs/cgroup", MOVE_MOUNT_F_EMPTY_PATH) == 0;
  ::close(v2);
  return moved;
}

}  // namespace ak::os::testing
