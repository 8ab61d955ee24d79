#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "launch/child_state.h"
#include "os/child_safe.h"

namespace ak::launch {

namespace {

constexpr unsigned kNoRisk = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

int mountAt(ChildState& child,
            const char* type,
            const char* const* options,
            unsigned attributes,
            const char* target) {
  const int mount = os::makeMountRaw(type, options, attributes);
  if (mount < 0) {
    return -mount;
  }
  const int error = os::attachBeneath(mount, child.root, target);
  ::close(mount);
  return error;
}

}  // namespace

int attachRoot(ChildState& child) {
  // The working directory is the launcher's scratch space, as copied into our mount namespace.
  return ::move_mount(child.root, "", AT_FDCWD, "root", MOVE_MOUNT_F_EMPTY_PATH) == 0 ? 0 : errno;
}

int attachBinds(ChildState& child) {
  for (std::size_t i = 0; i < child.plan.binds; ++i) {
    const int error = os::attachBeneath(child.binds[i], child.root, child.plan.bind_targets[i]);
    if (error != 0) {
      return error;
    }
  }
  return 0;
}

int mountDevice(ChildState& child) {
  int error = os::attachBeneath(child.dev, child.root, "dev");
  if (error != 0) {
    return error;
  }
  // Every box has terminals of its own; /dev/ptmx is a link to this instance's. All of the machine
  // share kernel.pty.max, so that each has a part of it.
  const char* const tty[] = {"newinstance", nullptr, "ptmxmode", "0666", "mode", "0620",
                             "max",         "128",   "gid",      "5",    nullptr};
  const char* const plain[] = {"newinstance", nullptr, "ptmxmode", "0666", "mode",
                               "0620",        "max",   "128",      nullptr};
  error = mountAt(child, "devpts", child.plan.has_tty_group ? tty : plain,
                  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "dev/pts");
  if (error != 0) {
    return error;
  }
  const char* const shm[] = {"mode", "1777", "size", "64m", "nr_inodes", "65536", nullptr};
  return mountAt(child, "tmpfs", shm, kNoRisk, "dev/shm");
}

int mountScratch(ChildState& child) {
  if (!child.plan.read_only_root) {
    // The writable layer serves; an image may lack the directory.
    const int tmp = os::openBeneath(child.root, "tmp", O_PATH | O_DIRECTORY);
    if (tmp >= 0) {
      ::close(tmp);
      return 0;
    }
    if (tmp == -ELOOP || tmp == -ENOTDIR) {
      return 0;  // the guest put a link or a file there, which must not cost it the sandbox
    }
    if (tmp != -ENOENT) {
      return -tmp;
    }
    if (::mkdirat(child.root, "tmp", 01777) != 0 || ::fchmodat(child.root, "tmp", 01777, 0) != 0) {
      return errno;
    }
    return 0;
  }
  const char* const tmp[] = {"mode", "1777", "size", "64m", "nr_inodes", "65536", nullptr};
  const char* const run[] = {"mode", "0755", "size", "16m", "nr_inodes", "16384", nullptr};
  const int error = mountAt(child, "tmpfs", tmp, kNoRisk, "tmp");
  return error != 0 ? error : mountAt(child, "tmpfs", run, kNoRisk, "run");
}

int leaveHost(ChildState& child) {
  // pivot_root(2), "pivot_root(".", ".")": the old root ends on top of the new one, and goes.
  if (::fchdir(child.root) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 ||
      ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) {
    return errno;
  }
  return 0;
}

int readOnlyRoot(ChildState& child) {
  if (!child.plan.read_only_root) {
    return 0;
  }
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  return ::mount_setattr(child.root, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0
             ? 0
             : errno;
}

}  // namespace ak::launch
