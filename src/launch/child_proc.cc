#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "launch/child_state.h"
#include "os/child_safe.h"

// /proc of the box. No /sys at all: sysfs shows the host's devices and network cards by name and
// its writable files are a history of escapes; programs that need it (lspci, systemd) have no
// business here.
namespace ak::launch {

namespace {

constexpr unsigned kProcFlags = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// Contents of the kernel or of other users, or handles on the machine. Those that a kernel lacks
// are skipped.
constexpr const char* kHiddenFiles[] = {
    "kcore",         "keys",       "latency_stats", "timer_list",  "timer_stats", "sched_debug",
    "sysrq-trigger", "kpagecount", "kpageflags",    "kpagecgroup", "kmsg",        "vmallocinfo"};
constexpr const char* kHiddenDirectories[] = {"scsi", "acpi", "asound"};
constexpr const char* kReadOnly[] = {"bus", "fs", "irq", "sys"};

int coverWith(int cover, int target) {
  const int moved =
      ::move_mount(cover, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  return moved == 0 ? 0 : errno;
}

// Puts a read-only clone of what `source` shows over `name`.
int cover(int proc, const char* name, int source) {
  const int target = os::openBeneath(proc, name, O_PATH);
  if (target < 0) {
    return target == -ENOENT ? 0 : -target;
  }
  const int from = source >= 0 ? source : target;
  const int clone = ::open_tree(from, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  int error = clone < 0 ? errno : 0;
  if (error == 0) {
    struct mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY | kProcFlags;
    // A device may stay openable: /dev/null over a file.
    attributes.attr_set &= source >= 0 ? ~std::uint64_t{MOUNT_ATTR_NODEV} : ~std::uint64_t{0};
    error = ::mount_setattr(clone, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0
                ? coverWith(clone, target)
                : errno;
    ::close(clone);
  }
  ::close(target);
  return error;
}

// Nested user namespaces are where most kernel privilege escalations begin; a network namespace is
// the other half. Not mount namespaces: the kernel counts each detached mount as one. The files
// belong to the root of this user namespace until /proc/sys becomes read-only.
int forbidNamespaces(int proc) {
  const int error = os::writeFileAt(proc, "sys/user/max_user_namespaces", "0");
  return error != 0 ? error : os::writeFileAt(proc, "sys/user/max_net_namespaces", "0");
}

}  // namespace

// On the launcher's scratch space, as copied into our mount namespace, until there is a root to put
// it in: its masks are mounts, and kernels before 6.15 make none on a tree that is not attached.
int makeProc(ChildState& child) {
  const char* const none[] = {nullptr};
  child.proc = os::makeMountRaw("proc", none, kProcFlags);
  if (child.proc < 0) {
    return -child.proc;
  }
  const int moved = ::move_mount(child.proc, "", AT_FDCWD, "proc", MOVE_MOUNT_F_EMPTY_PATH);
  return moved != 0 ? errno : forbidNamespaces(child.proc);
}

int maskProc(ChildState& child) {
  const int null = os::openBeneath(AT_FDCWD, "dev/null", O_PATH);
  const int empty = os::openBeneath(AT_FDCWD, "dev/empty", O_PATH);
  int error = null < 0 ? -null : empty < 0 ? -empty : 0;
  for (const char* name : kHiddenFiles) {
    error = error != 0 ? error : cover(child.proc, name, null);
  }
  for (const char* name : kHiddenDirectories) {
    error = error != 0 ? error : cover(child.proc, name, empty);
  }
  for (const char* name : kReadOnly) {
    error = error != 0 ? error : cover(child.proc, name, -1);
  }
  ::close(null);
  ::close(empty);
  return error;
}

int attachProc(ChildState& child) {
  return os::attachBeneath(child.proc, child.root, "proc");
}

}  // namespace ak::launch
