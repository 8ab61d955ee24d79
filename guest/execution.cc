#include "guest/execution.h"

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/text.h"

namespace ak::guest {

namespace {

constexpr std::chrono::milliseconds kLongestPause{100};
constexpr int kMostSilences = 10;  // about half a second, by the pauses between looks

// Of these a stopped process gets none until it goes on (signal(7)): who stops a command and asks
// it to end would wait for ever. systemd.kill(5) does likewise.
bool asksToEnd(int signal) {
  return signal == SIGTERM || signal == SIGHUP || signal == SIGINT || signal == SIGQUIT;
}

std::string nextGroupName() {
  static std::uint64_t number = 0;
  return cat("exec-", ++number);
}

}  // namespace

wire::ExecExit exitRecord(const MainExit& exit) {
  wire::ExecExit record;
  record.code = WIFEXITED(exit.status) ? WEXITSTATUS(exit.status) : 0;
  record.signal = WIFSIGNALED(exit.status) ? WTERMSIG(exit.status) : 0;
  record.timed_out = exit.timed_out;
  record.killed = exit.killed;
  record.out_of_memory = exit.out_of_memory;
  return record;
}

Result<std::unique_ptr<Execution>> Execution::start(const Context& context,
                                                    ExecPlan& plan,
                                                    const Stdio& stdio) {
  std::unique_ptr<Execution> execution(new Execution(context));
  AK_TRY(execution->launch(plan, stdio));
  return execution;
}

Status Execution::launch(ExecPlan& plan, const Stdio& stdio) {
  kills_before_ = memoryKills(context_.kill_count);
  ChildPlan child = plan.childPlan();
  child.fds[0] = stdio.in;
  child.fds[1] = stdio.out;
  child.fds[2] = stdio.err;
  // The last exec of a box has the whole box to itself, which ends with it: no group to be made.
  const bool alone = plan.request().last && isInit() && context_.all.size() == 1;
  if (context_.cgroup >= 0 && !alone) {
    group_ = AK_TRY(makeCgroupGroup(context_.cgroup, nextGroupName()));
  } else if (plan.request().last && isInit()) {
    group_ = makeNamespaceGroup(context_.processes);
  } else {
    return launchSupervised(plan, child);
  }
  child.cgroup_procs = group_->procs();
  main_ = cloneChild(child);
  if (main_ < 0) {
    Error error = Error::fromErrno(child.failure.error, "start a process");
    error.remedy = "The sandbox may be at its limit of processes.";
    return std::unexpected(std::move(error));
  }
  if (child.failure.step != ChildStep::None) {
    return std::unexpected(plan.explain(child.failure));  // the reaper takes the rest
  }
  context_.reaper.expect(main_, *this);
  return {};
}

Status Execution::launchSupervised(ExecPlan& plan, ChildPlan& child) {
  Supervised made = AK_TRY(cloneSupervised(child, context_.processes));
  if (child.failure.step != ChildStep::None) {
    return std::unexpected(plan.explain(child.failure));
  }
  main_ = made.main;
  supervisor_ = made.supervisor;
  status_ = std::move(made.status);
  group_ = makeTreeGroup(context_.processes, supervisor_);
  context_.reaper.expect(supervisor_, *this);
  return context_.loop.watch(status_.get(), EPOLLIN, *this);
}

Execution::~Execution() {
  context_.all.erase(this);
  context_.loop.cancel(timeout_);
  context_.loop.cancel(grace_);
  context_.loop.cancel(pursuit_);
  context_.loop.forget(status_.get());
  context_.reaper.forget(main_);
  context_.reaper.forget(supervisor_);
}

void Execution::setTimeout(std::chrono::milliseconds after) {
  timeout_ = context_.loop.after(after, [this] {
    // A chance to clean up for the main process and its group, then the end for all.
    timed_out_ = true;
    signal(SIGTERM);
    timeout_ = context_.loop.after(wire::kTermGrace, [this] { kill(Reason::TimedOut); });
  });
}

void Execution::signal(int number) {
  signalGroup(main_, number);
}

void Execution::signalGroup(pid_t group, int number) const {
  // Once reaped, the number may be someone else's.
  if (!ended_ && group > 1) {
    ::kill(-group, number);
    if (asksToEnd(number)) {
      ::kill(-group, SIGCONT);
    }
  }
}

void Execution::kill(Reason reason) {
  (reason == Reason::TimedOut ? timed_out_ : killed_) = true;
  context_.loop.cancel(timeout_);
  context_.loop.cancel(grace_);
  context_.loop.cancel(pursuit_);
  pause_ = std::chrono::milliseconds(1);
  pursue();
}

void Execution::terminate(std::chrono::milliseconds grace) {
  if (allGone()) {
    return;  // its numbers may be someone else's by now
  }
  killed_ = true;
  group_->signal(SIGTERM);
  group_->signal(SIGCONT);
  context_.loop.cancel(grace_);
  grace_ = context_.loop.after(grace, [this] {
    if (!allGone()) {
      kill(Reason::Killed);
    }
  });
}

void Execution::pursue() {
  group_->kill();
  pursuit_ = 0;
  known_empty_ = group_->empty();
  // A supervisor that says nothing of an end has been stopped by a guest of its user.
  if (known_empty_ && !ended_ && supervisor_ != 0 && ++silences_ > kMostSilences) {
    ::kill(supervisor_, SIGKILL);
  }
  if (!ended_ || !known_empty_) {
    pursuit_ = context_.loop.after(pause_, [this] { pursue(); });
    pause_ = std::min(pause_ * 2, kLongestPause);
  }
}

bool Execution::allGone() {
  if (!ended_ || pursuit_ != 0) {
    return false;
  }
  // A supervisor ends by itself after its last descendant: no need to look through /proc.
  if (supervisor_ != 0 && !strays_) {
    return supervisor_gone_;
  }
  // Looking costs system calls, and only the end of a process can make the answer another one.
  if (!known_empty_ && checked_at_ != context_.reaper.reaped()) {
    checked_at_ = context_.reaper.reaped();
    known_empty_ = group_->empty();
  }
  return known_empty_;
}

void Execution::mainEnd(int status) {
  if (ended_) {
    return;
  }
  ended_ = true;
  context_.loop.cancel(timeout_);
  if (timed_out_) {
    kill(Reason::TimedOut);  // what it left behind is out of time too
  }
  if (observer_ != nullptr) {
    observer_->onMainExit({status, timed_out_, killed_, outOfMemory(status)});
  }
}

bool Execution::outOfMemory(int status) const {
  // The count of the whole sandbox may have grown for another exec, so it is asked only by one that
  // SIGKILL has ended: itself, or a child whose end a shell passes on.
  const bool by_kill = (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
                       (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGKILL);
  return by_kill && memoryKills(context_.kill_count) > kills_before_;
}

void Execution::onChildExit(pid_t pid, int status) {
  if (pid == main_ && supervisor_ == 0) {
    mainEnd(status);
    return;
  }
  // Its status pipe may still hold the main process' end.
  onEvents(EPOLLIN);
  supervisor_gone_ = true;
  if (WIFSIGNALED(status)) {
    // The guest killed it, and what it held together has come to us as orphans.
    group_ = makeStrayGroup(context_.processes,
                            [this](pid_t child) { return context_.reaper.expects(child); });
    known_empty_ = false;
    strays_ = true;
    mainEnd(SIGKILL);
    kill(Reason::Killed);
  }
  mainEnd(SIGKILL);
}

void Execution::onEvents(std::uint32_t) {
  int status = 0;
  if (!ended_ && ::read(status_.get(), &status, sizeof status) == sizeof status) {
    mainEnd(status);
  }
}

}  // namespace ak::guest
