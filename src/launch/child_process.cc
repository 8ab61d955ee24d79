#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "launch/child_state.h"
#include "os/child_safe.h"

namespace ak::launch {

namespace {

int errnoOf(long result) {
  return result < 0 ? errno : 0;
}

// Out of the way of the fixed places, which may be in use by other sources still.
int lift(int fd) {
  return ::fcntl(fd, F_DUPFD_CLOEXEC, 64);
}

}  // namespace

int enterCgroup(ChildState& child) {
  for (std::size_t i = 0; i < child.plan.group_count; ++i) {
    if (::write(child.plan.groups[i], "0", 1) != 1) {
      return errno;
    }
  }
  return 0;
}

int closeDescriptors(ChildState& child) {
  // The launcher blocks SIGCHLD and ignores SIGPIPE; both would survive exec.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::umask(022);
  const int control = lift(child.plan.control);
  const int agent = lift(child.plan.agent);
  const int null = lift(child.plan.null);
  if (control < 0 || agent < 0 || null < 0) {
    return errno;
  }
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(null, fd) < 0) {
      return errno;
    }
  }
  if (::dup3(control, kControlFd, O_CLOEXEC) < 0 || ::dup3(agent, kAgentFd, O_CLOEXEC) < 0) {
    return errno;
  }
  child.control = kControlFd;
  return errnoOf(::close_range(kAgentFd + 1, ~0U, 0));
}

int becomeRoot(ChildState&) {
  // Refused where the namespace may not set groups (rootless with one id): then there are none of
  // worth either, and the map shows all of them as nobody.
  if (::syscall(SYS_setgroups, 0, nullptr) != 0 && errno != EPERM) {
    return errno;
  }
  if (::syscall(SYS_setresgid, 0, 0, 0) != 0 || ::syscall(SYS_setresuid, 0, 0, 0) != 0) {
    return errno;
  }
  return 0;
}

int newSession(ChildState&) {
  if (::setsid() < 0) {
    return errno;
  }
  // A kernel without keyrings has none to share.
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS) {
    return errno;
  }
  return 0;
}

int cgroupNamespace(ChildState&) {
  return errnoOf(::unshare(CLONE_NEWCGROUP));
}

int loopback(ChildState& child) {
  const int error = os::bringLoopbackUp();
  if (error != 0) {
    return error;
  }
  // The agent's doors on loopback (DNS is port 53) and servers of the guest need no capability:
  // the whole network namespace is the box's own.
  return os::writeFileAt(child.proc, "sys/net/ipv4/ip_unprivileged_port_start", "0");
}

int limits(ChildState& child) {
  const auto lower = [](auto resource, rlim_t soft, rlim_t hard) {
    rlimit now{};
    if (::getrlimit(resource, &now) != 0) {
      return errno;
    }
    now.rlim_max = std::min(now.rlim_max, hard);
    now.rlim_cur = std::min(soft, now.rlim_max);
    return ::setrlimit(resource, &now) == 0 ? 0 : errno;
  };
  // Not 0: that keeps only files away, and where core_pattern is a pipe the kernel starts a program
  // of the host, as its root, with what the guest crashed with. For the limit 1 it does not, and
  // writes no file either (core(5), fs/coredump.c). The filter keeps guests from lowering it.
  int error = lower(RLIMIT_CORE, 1, 1);
  error = error != 0 ? error : lower(RLIMIT_NOFILE, 1024, 524288);
  if (error == 0 && child.plan.max_processes != 0) {
    error = lower(RLIMIT_NPROC, child.plan.max_processes, child.plan.max_processes);
  }
  return error;
}

int hostname(ChildState& child) {
  const char* name = child.claim.hostname;
  const std::size_t size = ::strnlen(name, sizeof child.claim.hostname);
  return errnoOf(::sethostname(name, size));
}

int placeDescriptors(ChildState& child) {
  const int control = lift(kControlFd);
  const int agent = lift(kAgentFd);
  const int listener = lift(child.listener);
  const int cgroup = child.cgroup < 0 ? -1 : lift(child.cgroup);
  const int kill_count = child.kill_count < 0 ? -1 : lift(child.kill_count);
  if (control < 0 || agent < 0 || listener < 0 || (child.cgroup >= 0 && cgroup < 0) ||
      (child.kill_count >= 0 && kill_count < 0)) {
    return errno;
  }
  // 0 to 2 are the box's own /dev/null from here on, not an open file of the host's /dev.
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) {
    return errno;
  }
  const int null_high = lift(null);
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(null_high, fd) < 0) {
      return errno;
    }
  }
  // 3 to 5 stay open over exec; 6 and 7 are ours until exec closes them.
  ::close(4);
  ::close(5);
  if (::dup2(listener, 3) < 0 || (cgroup >= 0 && ::dup2(cgroup, 4) < 0) ||
      (kill_count >= 0 && ::dup2(kill_count, 5) < 0) ||
      ::dup3(control, kFinalControlFd, O_CLOEXEC) < 0 ||
      ::dup3(agent, kFinalAgentFd, O_CLOEXEC) < 0) {
    return errno;
  }
  child.control = kFinalControlFd;
  return errnoOf(::close_range(kFinalAgentFd + 1, ~0U, 0));
}

}  // namespace ak::launch
