#include "guest/supervisor.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace ak::guest {

namespace {

// First message through the pipe; after it comes one int, the wait status.
struct Report {
  pid_t main;
  ChildFailure failure;
};

bool readWhole(int fd, void* data, std::size_t size) {
  // Shorter than PIPE_BUF: arrives in one piece (pipe(7)).
  ssize_t got = 0;
  do {
    got = ::read(fd, data, size);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(size);
}

[[noreturn]] void supervise(ChildPlan& plan, int pipe) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  ::setsid();  // not in the reach of a signal to the agent's group
  const pid_t main = cloneChild(plan);
  const Report report{main, plan.failure};
  const bool told = ::write(pipe, &report, sizeof report) == sizeof report;
  // Nothing of the agent's or the command's stays open here: a held pipe end would hide its end.
  ::dup2(pipe, 0);
  ::syscall(SYS_close_range, 1U, ~0U, 0U);
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, 0);
    if (pid < 0 && errno != EINTR) {
      ::_exit(0);  // ECHILD: no descendant is left
    }
    if (pid == main && told) {
      (void)!::write(0, &status, sizeof status);
      ::close(0);
    }
  }
}

}  // namespace

Result<Supervised> cloneSupervised(ChildPlan& plan, const Processes& processes) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return failErrno("pipe");
  }
  Supervised result;
  result.status = sys::OwnedFd(ends[0]);
  sys::OwnedFd write_end(ends[1]);
  result.supervisor = ::fork();
  if (result.supervisor == 0) {
    supervise(plan, write_end.get());
  }
  if (result.supervisor < 0) {
    return failErrno("start a process");
  }
  write_end.reset();
  Report report{};
  if (!awaitStart(result.supervisor, result.status.get())) {
    // The command, stopped before its exec, holds the pipe as well and would be left to nobody.
    for (const pid_t pid :
         processes.descendants(result.supervisor).value_or(std::vector<pid_t>())) {
      ::kill(pid, SIGKILL);
    }
    ::kill(result.supervisor, SIGKILL);
    return fail(ErrorCode::Internal, "the command's supervisor was stopped again and again");
  }
  if (!readWhole(result.status.get(), &report, sizeof report)) {
    return fail(ErrorCode::Internal, "the command's supervisor ended early");
  }
  result.main = report.main;
  plan.failure = report.failure;
  if (report.main < 0) {
    return failErrno(report.failure.error, "start a process");
  }
  if (::fcntl(result.status.get(), F_SETFL, O_NONBLOCK) != 0) {
    return failErrno("fcntl");
  }
  return result;
}

}  // namespace ak::guest
