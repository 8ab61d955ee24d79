#include "guest/child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

// Runs in a copy of our memory that was made without glibc's knowledge: raw system calls only. No
// allocation, no locks, and none of glibc's wrappers that keep state (setresuid would signal "all
// threads").
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

// A change of ids sets the memory's dumpable flag anew, from fs.suid_dumpable, and the memory is a
// copy of the agent's: where that is 1, its guests could read the key.
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
int tryExec(const ChildPlan& plan) {
  int error = ENOENT;
  for (const char* const* path = plan.candidates; *path != nullptr; ++path) {
    ::syscall(SYS_execve, *path, plan.argv, plan.environment);
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
      return errno;
    }
    error = errno == EACCES ? EACCES : error;
  }
  return error;
}

ChildFailure carryOut(const ChildPlan& plan) {
  ChildFailure failure;
  const auto step = [&failure](ChildStep name, bool done) {
    if (!done) {
      failure = {name, errno};
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
    failure = {ChildStep::Exec, tryExec(plan)};
  }
  return failure;
}

[[noreturn]] void runChild(const ChildPlan& plan, int pipe) {
  const ChildFailure failure = carryOut(plan);
  ::syscall(SYS_write, pipe, &failure, sizeof failure);
  for (;;) {
    ::syscall(SYS_exit_group, 127);
  }
}

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
  plan.failure = {};
  // The child's copy of the write end is closed by its exec or its end, ours right after the clone.
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    plan.failure.error = errno;
    return -1;
  }
  // No signal handler of ours may run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  // Not CLONE_VM: who shares our memory shares our oom_score_adj too (all but a vfork's child, see
  // awaitStart()), and the OOM killer ends all that share a victim's memory.
  const long pid = ::syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L);
  if (pid == 0) {
    runChild(plan, ends[1]);
  }
  const int error = errno;
  ::close(ends[1]);
  if (pid < 0) {
    plan.failure.error = error;
  } else if (!awaitStart(static_cast<pid_t>(pid), ends[0])) {
    ::kill(static_cast<pid_t>(pid), SIGKILL);
  } else if (ChildFailure failure; ::read(ends[0], &failure, sizeof failure) == sizeof failure) {
    plan.failure = failure;
    ::kill(static_cast<pid_t>(pid), SIGKILL);  // stopped on its last step it would never end
  }
  ::close(ends[0]);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return static_cast<pid_t>(pid);
}

}  // namespace ak::guest
