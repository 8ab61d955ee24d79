#include "image/confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "sys/file.h"

// The headers of Debian 12's libc do not have all of the new mount interface.
#ifndef MOUNT_ATTR_NOSUID
#error "linux/mount.h is too old"
#endif

namespace ak::image {

namespace {

// zstd may use 128 MiB, names 64 MiB.
[[maybe_unused]] constexpr std::uint64_t kMemory = std::uint64_t{1} << 30U;
constexpr std::uint64_t kCpuSeconds = 4 * 3600;
constexpr std::uint32_t kKept = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_FOWNER;

Status dieWith(int result_fd) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
    return failErrno("prctl PDEATHSIG");
  }
  // The parent may have died before the call above: then the pipe has no reader.
  pollfd pipe{.fd = result_fd, .events = 0, .revents = 0};
  if (::poll(&pipe, 1, 0) < 0 || (pipe.revents & POLLERR) != 0) {
    return fail(ErrorCode::Cancelled, "the caller is gone");
  }
  return {};
}

Status limit(decltype(RLIMIT_AS) resource, std::uint64_t value) {
  rlimit now{};
  if (::getrlimit(resource, &now) != 0) {
    return failErrno("getrlimit");
  }
  // Only downwards: raising a hard limit is a privilege.
  const rlim_t wanted = std::min<rlim_t>(value, now.rlim_max);
  const rlimit next{wanted, wanted};
  return ::setrlimit(resource, &next) == 0 ? Status{} : Status(failErrno("setrlimit"));
}

Status writeMap(const char* path, std::string_view text) {
  const sys::OwnedFd file = AK_TRY(sys::openPath(path, O_WRONLY));
  return sys::writeAll(file.get(), text);
}

Status unshareAll() {
  constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC;
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (uid == 0) {
    return ::unshare(kNamespaces) == 0 ? Status{} : Status(failErrno("unshare"));
  }
  if (::unshare(kNamespaces | CLONE_NEWUSER) != 0) {
    Error error = Error::fromErrno(errno, "unshare");
    error.remedy = "Allow unprivileged user namespaces (see agentkernel doctor), or run as root.";
    return std::unexpected(std::move(error));
  }
  AK_TRY(writeMap("/proc/self/setgroups", "deny"));
  AK_TRY(writeMap("/proc/self/uid_map", cat("0 ", uid, " 1")));
  return writeMap("/proc/self/gid_map", cat("0 ", gid, " 1"));
}

// The working directory becomes the root. It was entered before unshare, so that it moved with us
// into the new mount namespace; a descriptor would still be of the old one.
Status pivotHere() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return failErrno("making mounts private");
  }
  const sys::OwnedFd tree(static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree.valid()) {
    return failErrno("open_tree");
  }
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) !=
      0) {
    return failErrno("mount_setattr");
  }
  if (::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return failErrno("move_mount");
  }
  if (::fchdir(tree.get()) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0) {
    return failErrno("pivot_root");
  }
  // The old root lies on top of the new one now.
  if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) {
    return failErrno("leaving the old root");
  }
  return {};
}

Status dropCapabilities() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability) != 0) {
      return failErrno("dropping the bounding set");
    }
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return failErrno("no_new_privs");
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) {
    return failErrno("capget");
  }
  const std::uint32_t kept = data[0].permitted & kKept;
  data[0] = {kept, kept, 0};
  data[1] = {0, 0, 0};
  return ::syscall(SYS_capset, &header, data.data()) == 0 ? Status{} : Status(failErrno("capset"));
}

}  // namespace

Status buildCage(const CageSpec& spec) {
  if (::fchdir(spec.target_fd) != 0) {
    return failErrno("entering the target");
  }
  // Closed after the directory was entered: a descriptor of the outside would be a way out.
  ::syscall(SYS_close_range, static_cast<unsigned>(spec.last_fd) + 1, ~0U, 0);
  AK_TRY(unshareAll());
  AK_TRY(pivotHere());
  AK_TRY(limit(RLIMIT_CORE, 0));
  AK_TRY(limit(RLIMIT_FSIZE, spec.max_file_bytes));
  AK_TRY(limit(RLIMIT_NOFILE, 64));
  AK_TRY(limit(RLIMIT_CPU, kCpuSeconds));
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  AK_TRY(limit(RLIMIT_AS, kMemory));  // sanitizers reserve terabytes of addresses
#endif
  ::signal(SIGXFSZ, SIG_IGN);  // EFBIG says it better
  ::umask(0);
  // After unshare: entering a user namespace clears it.
  return dieWith(spec.result_fd);
}

Status enterCage(int result_fd) {
  AK_TRY(dropCapabilities());
  return dieWith(result_fd);
}

}  // namespace ak::image
