#include "guest/child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

// Runs in a process that shares our memory: raw system calls only. No allocation, no locks, and
// none of glibc's wrappers that keep state (setresuid would signal "all threads").
namespace ak::guest {

namespace {

constexpr int kStartLookMs = 20;
constexpr int kMostStops = 100;
constexpr int kLastCapability = 40;  // CAP_CHECKPOINT_RESTORE; EINVAL beyond what the kernel knows

bool resetInherited() {
  ::syscall(SYS_umask, 022);
  struct sigaction ignored{};
  for (int signal = 1; signal < 65; ++signal) {
    // Dispositions that we set to "ignore" would survive exec.
    if (::sigaction(signal, nullptr, &ignored) == 0 && ignored.sa_handler != SIG_DFL) {
      struct sigaction standard{};
      ::sigaction(signal, &standard, nullptr);
    }
  }
  const std::uint64_t none = 0;
  return ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none) == 0;
}

bool placeDescriptors(const int (&fds)[3]) {
  for (int i = 0; i < 3; ++i) {
    if (::syscall(SYS_dup3, fds[i], i, 0) < 0) {
      return false;
    }
  }
  // All of ours are close-on-exec; this holds even for one that was forgotten.
  return ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0 || errno == ENOSYS ||
         errno == EINVAL;
}

bool joinCgroup(int procs) {
  return procs < 0 || ::syscall(SYS_write, procs, "0", 1) == 1;
}

// The OOM killer takes a child, never the agent. Raising is always allowed; without /proc the
// kernel's own ranking by size is all there is.
void preferAsOomVictim() {
  const long fd = ::syscall(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj",
                            O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0);
  if (fd >= 0) {
    (void)::syscall(SYS_write, fd, "500", 3);
    ::syscall(SYS_close, fd);
  }
}

bool setLimits(const ChildPlan& plan) {
  for (std::size_t i = 0; i < plan.limit_count; ++i) {
    const ChildLimit& limit = plan.limits[i];
    if (::syscall(SYS_prlimit64, 0, limit.resource, &limit.value, nullptr) != 0) {
      return false;
    }
  }
  return true;
}

bool dropBounding(const ChildPlan& plan) {
  for (int cap = 0; plan.drop_bounding && cap <= kLastCapability; ++cap) {
    const bool keep = (plan.capabilities >> static_cast<unsigned>(cap) & 1U) != 0;
    if (!keep && ::syscall(SYS_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL) {
      return false;
    }
  }
  return true;
}

bool setGroups(const ChildPlan& plan) {
  return !plan.change_ids || ::syscall(SYS_setgroups, plan.group_count, plan.groups) == 0;
}

// A change of ids sets the memory's dumpable flag anew, from fs.suid_dumpable, and the memory is
// the agent's: where that is 1, its guests could read it.
bool setIds(const ChildPlan& plan) {
  return !plan.change_ids || (::syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) == 0 &&
                              ::syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) == 0 &&
                              ::syscall(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}

// Root keeps at most the profile's set; anyone else has lost all with the change of uid. Under
// no_new_privs an exec cannot bring back what is not in the permitted set here.
bool keepCapabilities(const ChildPlan& plan) {
  ::syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) {
    return false;
  }
  for (unsigned i = 0; i < 2; ++i) {
    const auto mask = static_cast<std::uint32_t>(plan.capabilities >> (32 * i));
    data[i].permitted &= mask;
    data[i].effective = data[i].permitted;
    data[i].inheritable = 0;
  }
  return ::syscall(SYS_capset, &header, data) == 0;
}

// The kernel takes no empty program either: nothing runs unfiltered.
bool installFilter(const ChildPlan& plan) {
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &plan.filter) == 0;
}

// execvp's search: a file that may not be run is remembered, but the search goes on.
void tryExec(ChildPlan& plan) {
  plan.error = ENOENT;
  for (const char* const* path = plan.candidates; *path != nullptr; ++path) {
    ::syscall(SYS_execve, *path, plan.argv, plan.environment);
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) {
      plan.error = errno == EACCES || plan.error == EACCES ? EACCES : ENOENT;
      continue;
    }
    plan.error = errno;
    return;
  }
}

int runChild(void* argument) {
  ChildPlan& plan = *static_cast<ChildPlan*>(argument);
  const auto step = [&plan](ChildStep name, bool done) {
    if (!done) {
      plan.error = errno;
      plan.failed = name;
    }
    return done;
  };
  if (step(ChildStep::Session, resetInherited() && ::syscall(SYS_setsid) >= 0) &&
      step(ChildStep::Descriptors, placeDescriptors(plan.fds)) &&
      step(ChildStep::Terminal, !plan.terminal || ::syscall(SYS_ioctl, 0, TIOCSCTTY, 0) == 0) &&
      step(ChildStep::Cgroup, joinCgroup(plan.cgroup_procs)) &&
      (preferAsOomVictim(), step(ChildStep::Limits, setLimits(plan))) &&
      step(ChildStep::Bounding, dropBounding(plan)) && step(ChildStep::Groups, setGroups(plan)) &&
      step(ChildStep::Ids, setIds(plan)) &&
      step(ChildStep::Directory, ::syscall(SYS_chdir, plan.directory) == 0) &&
      step(ChildStep::Capabilities, keepCapabilities(plan)) &&
      step(ChildStep::NoNewPrivileges,
           ::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) &&
      step(ChildStep::Filter, installFilter(plan))) {
    tryExec(plan);
    plan.failed = ChildStep::Exec;
  }
  ::syscall(SYS_exit_group, 127);
  return 127;
}

// The child runs on this while we sleep: one at a time, so one is enough.
alignas(16) char child_stack[64 * 1024];

}  // namespace

bool awaitStart(pid_t child, int pipe) {
  const auto is = [child](int what) {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(child), &info, what | WNOHANG) == 0 &&
           info.si_pid == child;
  };
  // The usual child needs one look. One that waits for its share of a busy processor gets it.
  pollfd state{pipe, POLLIN, 0};
  for (int stops = 0; ::poll(&state, 1, kStartLookMs) == 0;) {
    if (is(WEXITED | WNOWAIT)) {
      return ::poll(&state, 1, 0) != 0;  // it may have ended right after the first look
    }
    if (is(WSTOPPED)) {
      if (++stops == kMostStops) {
        return false;
      }
      ::kill(child, SIGCONT);
    }
  }
  return true;
}

pid_t cloneChild(ChildPlan& plan) {
  plan.failed = ChildStep::None;
  plan.error = 0;
  // The child's copy of the write end is closed by its exec or its end, ours right after the clone.
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    plan.error = errno;
    return -1;
  }
  // No signal handler of ours may run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::clone(runChild, child_stack + sizeof child_stack, CLONE_VM | SIGCHLD, &plan);
  const int error = errno;
  ::close(ends[1]);
  if (pid < 0) {
    plan.error = error;
  } else {
    if (!awaitStart(pid, ends[0])) {
      // It runs on our memory: not before it is gone may that be used again.
      pollfd state{ends[0], POLLIN, 0};
      ::kill(pid, SIGKILL);
      while (::poll(&state, 1, -1) < 0) {
      }
    }
  }
  ::close(ends[0]);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return pid;
}

}  // namespace ak::guest
