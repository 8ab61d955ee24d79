#include "guest/supervisor.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <vector>

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

// How the kernel tells a supervisor that the agent has ended (PR_SET_PDEATHSIG).
constexpr int kAgentEnded = SIGTERM;

// Whoever forks meanwhile leaves its child to us when it dies, and is seen by the next look.
void endDescendants() {
  const auto processes = Processes::open();
  const auto members =
      processes ? processes->descendants(::getpid()) : std::unexpected(processes.error());
  for (const int number : {SIGSTOP, SIGKILL}) {
    for (const pid_t pid : members.value_or(std::vector<pid_t>())) {
      ::kill(pid, number);
    }
  }
}

[[noreturn]] void supervise(ChildPlan& plan, int pipe, pid_t agent) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  ::setsid();  // not in the reach of a signal to the agent's group
  // With a pid namespace all of it ends with its init. Where the agent is none, we end what is
  // left.
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  sigaddset(&awaited, kAgentEnded);
  ::sigprocmask(SIG_BLOCK, &awaited, nullptr);
  ::prctl(PR_SET_PDEATHSIG, kAgentEnded, 0, 0, 0);
  const pid_t main = cloneChild(plan);
  const Report report{main, plan.failure};
  const bool told = ::write(pipe, &report, sizeof report) == sizeof report;
  // Nothing of the agent's or the command's stays open here: a held pipe end would hide its end.
  ::dup2(pipe, 0);
  ::syscall(SYS_close_range, 1U, ~0U, 0U);
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno != EINTR) {
      ::_exit(0);  // ECHILD: no descendant is left
    }
    if (pid == main && told) {
      (void)!::write(0, &status, sizeof status);
      ::close(0);
    }
    if (pid == 0) {
      // Not by the signal's word: any process of our user can send it.
      if (::getppid() != agent) {
        endDescendants();
      }
      (void)::sigwaitinfo(&awaited, nullptr);
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
  const pid_t agent = ::getpid();
  result.supervisor = ::fork();
  if (result.supervisor == 0) {
    supervise(plan, write_end.get(), agent);
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
