// From a job's stream to its files, and on to those who watch, until it has ended.
#include <algorithm>

#include "base/text.h"
#include "manager/job_keeper.h"
#include "manager/lifecycle.h"
#include "manager/pump.h"
#include "net/timeout.h"

namespace ak::manager {

namespace {

// Acknowledged in steps: often enough that the agent's ring never fills, seldom enough that a line
// of output costs no frame of its own.
constexpr std::uint64_t kAcknowledgeStep = wire::kJobRing / 4;

// How far a session's output may be ahead of who watches it, and how long it waits for one who
// takes nothing.
constexpr std::uint64_t kLead = std::uint64_t{1} << 20U;
constexpr std::chrono::seconds kPatience{1};

}  // namespace

// While a job is drained its sandbox is in use, and knows it. A session's output, and those who
// join it, are uses; that it is there is none.
class JobKeeper::Draining {
 public:
  Draining(JobKeeper& keeper, SandboxPtr sandbox, LiveJobPtr job)
      : keeper_(keeper), sandbox_(std::move(sandbox)), job_(std::move(job)) {
    if (!job_->record.terminal) {
      keeper_.timekeeper_.enter(*sandbox_);
    }
  }

  ~Draining() {
    if (!job_->record.terminal) {
      keeper_.timekeeper_.leave(*sandbox_);
    }
    sandbox_->jobs.erase(job_->record.id);
    job_->over = true;
    job_->notify();
    sandbox_->notify();
    if (keeper_.on_idle_) {
      keeper_.on_idle_(*sandbox_);
    }
  }

  Draining(const Draining&) = delete;
  Draining& operator=(const Draining&) = delete;

 private:
  JobKeeper& keeper_;
  SandboxPtr sandbox_;
  LiveJobPtr job_;
};

net::Task<Result<wire::ExecExit>> JobKeeper::drainOutput(Sandbox& sandbox,
                                                         LiveJob& job,
                                                         channel::JobStream& stream) {
  using Kind = channel::ExecStream::Event::Kind;
  std::uint64_t unacknowledged = 0;
  for (;;) {
    auto event = co_await stream.next();
    if (!event) {
      co_return std::unexpected(std::move(event).error());
    }
    if (event->kind == Kind::Exit) {
      co_return event->exit;
    }
    // First: of two copies, a crash may leave this one with a piece twice, and none without it.
    if (job.record.main && sandbox.log) {
      sandbox.log->append(event->data);
      sandbox.notify();
    }
    const bool out = event->kind == Kind::Stdout;
    JobLog& log = out ? job.out : job.err;
    const std::uint64_t end = co_await foundation_.workers.run([&] {
      log.append(event->data);
      return log.end();
    });
    (out ? job.record.stdout_bytes : job.record.stderr_bytes) = end;
    job.notify();
    if (job.record.terminal) {
      timekeeper_.touch(sandbox);
      co_await waitForWatchers(job);
    }
    unacknowledged += event->data.size();
    if (unacknowledged >= kAcknowledgeStep &&
        stream.acknowledge({job.record.stdout_bytes, job.record.stderr_bytes})) {
      unacknowledged = 0;
    }
  }
}

// A session's program waits for the quickest of those who watch, as for any terminal, so that what
// is printed by the mebibyte passes them whole and what they type is answered soon; but never long
// for those who have stopped reading, and for nobody when nobody watches.
net::Task<void> JobKeeper::waitForWatchers(LiveJob& job) {
  const auto behind = [&job] {
    const std::uint64_t end = job.record.stdout_bytes;
    std::uint64_t least = UINT64_MAX;
    for (const JobWatcher& watcher : job.watchers) {
      if (!watcher.stuck) {
        least = std::min(least, end - std::min(end, watcher.offset));
      }
    }
    return least != UINT64_MAX && least > kLead;
  };
  const auto until_near = [&]() -> net::Task<Status> {
    while (behind()) {
      co_await job.taken.wait();
    }
    co_return Status();
  };
  while (behind()) {
    const std::list<JobWatcher> before = job.watchers;
    const Status near = co_await net::withTimeout(until_near(), kPatience, "who watches");
    for (JobWatcher& watcher : job.watchers) {
      watcher.stuck |= !near && std::ranges::any_of(before, [&](const JobWatcher& then) {
        return then.offset == watcher.offset;
      });
    }
  }
}

// The stream has failed: with its box, or because the agent says what cannot be. While the box is
// there and only its session is gone, the job may run.
net::Task<std::string> JobKeeper::whyLost(SandboxPtr sandbox, WeakAgent agent, Error error) {
  for (;;) {
    const AgentPtr held = agent.lock();
    if (!held || sandbox->agent != held) {
      co_return cat("its sandbox has ended: ", sandbox->record.stop_reason);
    }
    if (held->alive()) {
      co_return std::move(error.message);
    }
    co_await sandbox->changed.wait();
  }
}

net::Task<void> JobKeeper::drain(SandboxPtr sandbox,
                                 LiveJobPtr job,
                                 StreamPtr stream,
                                 WeakAgent agent) {
  const Draining draining(*this, sandbox, job);
  auto exit = co_await drainOutput(*sandbox, *job, *stream);
  stream.reset();
  model::JobRecord ended = job->record;
  if (exit) {
    model::finish(ended, outcomeOf(*exit));
  } else {
    ended.status = model::JobStatus::Lost;
    ended.reason = co_await whyLost(sandbox, agent, std::move(exit).error());
  }
  const Status concluded = co_await conclude(sandbox, ended);
  job->record = ended;
  job->over = true;
  job->notify();
  // Not before it is in the books: until then the agent is the only one who knows.
  const AgentPtr held = agent.lock();
  if (concluded && exit && held) {
    const Status forgotten = co_await held->forgetJob(ended.id);
    if (!forgotten && held->alive()) {
      logFailure(ended, "forgetting", forgotten.error());
    }
  }
}

}  // namespace ak::manager
