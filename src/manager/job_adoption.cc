// The jobs that a daemon before this one has left: taken up, or put on record as lost.
#include <algorithm>

#include "base/text.h"
#include "manager/job_keeper.h"
#include "manager/lifecycle.h"
#include "net/timeout.h"

namespace ak::manager {

namespace {

// For jobs that have ended meanwhile, whose ends the agent has and those who ask want to see.
constexpr std::chrono::seconds kEndsLimit{10};

using UnreadableJob = std::pair<std::string, std::string>;

bool runs(const model::JobRecord& job) {
  return job.status == model::JobStatus::Running;
}

struct Adopting {
  explicit Adopting(SandboxPtr adopted) : sandbox(std::move(adopted)) {}

  ~Adopting() {
    sandbox->adopting = false;
    sandbox->notify();
  }

  Adopting(const Adopting&) = delete;
  Adopting& operator=(const Adopting&) = delete;

  SandboxPtr sandbox;
};

net::Task<Status> untilOver(SandboxPtr sandbox, std::vector<std::string> ids) {
  for (const std::string& id : ids) {
    while (sandbox->jobs.contains(id)) {
      co_await sandbox->changed.wait();
    }
  }
  co_return Status();
}

}  // namespace

void JobKeeper::adopt(SandboxPtr sandbox, std::function<void()> then) {
  sandbox->adopting = !closed_;
  tasks_.spawn(adoptNow(std::move(sandbox), std::move(then)));
}

net::Task<void> JobKeeper::adoptNow(SandboxPtr sandbox, std::function<void()> then) {
  Status adopted;
  {
    const Adopting adopting(sandbox);
    adopted = co_await adoptAll(sandbox, sandbox->agent);
  }
  if (adopted) {
    then();
    co_return;
  }
  // Nothing is known of them: they stay on record as they are.
  foundation_.log.error(
      "jobs", cat("taking up the jobs of ", sandbox->record.name, ": ", adopted.error().message));
}

net::Task<Status> JobKeeper::adoptAll(SandboxPtr sandbox, AgentPtr agent) {
  auto loaded = co_await foundation_.store_worker.run(
      [this, &sandbox] { return foundation_.store.jobs().list(sandbox->record.uuid); });
  if (!loaded) {
    co_return std::unexpected(std::move(loaded).error());
  }
  if (!agent) {
    co_return Status();  // it has ended meanwhile, and its jobs are settled with it
  }
  auto listed = co_await agent->listJobs();
  if (!listed) {
    const bool older = listed.error().code == ErrorCode::Unsupported &&
                       std::ranges::none_of(loaded->records, runs);
    co_return older ? Status() : std::unexpected(std::move(listed).error());
  }
  for (const model::JobRecord& job : loaded->records) {
    if (runs(job)) {
      const Status adopted = co_await adoptOne(sandbox, agent, job);
      AK_CO_TRY(adopted);
    }
  }
  std::vector<std::string> ended;
  for (const wire::JobSummary& job : *listed) {
    const auto known = std::ranges::find(loaded->records, job.id, &model::JobRecord::id);
    if (known == loaded->records.end()) {
      if (std::ranges::find(loaded->unreadable, job.id, &UnreadableJob::first) ==
          loaded->unreadable.end()) {
        co_await endUnknown(agent, job.id);  // nobody was ever told of it
      }
    } else if (runs(*known)) {
      if (job.ended) {
        ended.push_back(job.id);
      }
    } else if (job.ended) {
      // The daemon before us had its end in the books. What it left running was meant to stay.
      (void)co_await agent->forgetJob(job.id);
    } else {
      co_await endUnknown(agent, job.id);
    }
  }
  (void)co_await net::withTimeout(untilOver(sandbox, std::move(ended)), kEndsLimit, "jobs");
  co_return Status();
}

net::Task<Status> JobKeeper::adoptOne(SandboxPtr sandbox, AgentPtr agent, model::JobRecord job) {
  auto opened = co_await open(job);
  const LiveJobPtr live = AK_CO_TRY(std::move(opened));
  auto stream = co_await agent->attachJob(job.id, {live->out.end(), live->err.end()});
  if (stream) {
    carry(sandbox, live, *std::move(stream));
    co_return Status();
  }
  if (!agent->alive() || stream.error().code == ErrorCode::Timeout) {
    co_return std::unexpected(std::move(stream).error());
  }
  // Its daemon died before it could be started, or the agent tells stories.
  job.status = model::JobStatus::Lost;
  job.reason = cat("its sandbox's agent does not have it: ", stream.error().message);
  const Status concluded = co_await conclude(sandbox, job);
  co_return concluded;
}

net::Task<void> JobKeeper::endUnknown(AgentPtr agent, std::string id) {
  Status ended = co_await agent->killJob(id, std::chrono::milliseconds(0));
  if (ended) {
    ended = co_await agent->forgetJob(id);
  }
  if (!ended && ended.error().code != ErrorCode::NotFound) {
    foundation_.log.error("jobs",
                          cat("ending job ", id, " that nobody knows: ", ended.error().message));
  }
}

net::Task<void> JobKeeper::settle(SandboxPtr sandbox) {
  while (!sandbox->jobs.empty() || sandbox->adopting || sandbox->starting_jobs != 0) {
    co_await sandbox->changed.wait();
  }
  if (!sandbox->durable) {
    co_return;
  }
  auto loaded = co_await foundation_.store_worker.run(
      [this, &sandbox] { return foundation_.store.jobs().list(sandbox->record.uuid); });
  if (!loaded) {
    foundation_.log.error("jobs", loaded.error().message);
    co_return;
  }
  co_await loseRunning(sandbox, std::move(loaded->records));
}

net::Task<void> JobKeeper::settleAll(const SandboxTable& table) {
  auto loaded =
      co_await foundation_.store_worker.run([this] { return foundation_.store.jobs().running(); });
  if (!loaded) {
    foundation_.log.error("jobs", loaded.error().message);
    co_return;
  }
  for (model::JobRecord& job : loaded->records) {
    const SandboxPtr sandbox = table.findByUuid(job.sandbox);
    if (sandbox && sandbox->status == model::SandboxStatus::Stopped) {
      std::vector<model::JobRecord> one;
      one.push_back(std::move(job));
      co_await loseRunning(sandbox, std::move(one));
    }
  }
}

net::Task<void> JobKeeper::loseRunning(SandboxPtr sandbox, std::vector<model::JobRecord> jobs) {
  for (model::JobRecord& job : jobs) {
    if (runs(job)) {
      job.status = model::JobStatus::Lost;
      job.reason = cat("its sandbox has ended: ", sandbox->record.stop_reason);
      (void)co_await conclude(sandbox, job);  // which has logged what went wrong
    }
  }
}

}  // namespace ak::manager
