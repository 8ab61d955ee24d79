#include "manager/job_keeper.h"

#include "base/text.h"
#include "manager/busy.h"
#include "manager/lifecycle.h"
#include "net/to_its_end.h"

namespace ak::manager {

JobKeeper::JobKeeper(const Foundation& foundation, const Timekeeper& timekeeper)
    : foundation_(foundation), timekeeper_(timekeeper), tasks_(foundation.executor) {}

std::string JobKeeper::directoryOf(const std::string& sandbox, const std::string& id) const {
  return cat(foundation_.state_directory, "/sandboxes/", sandbox, "/jobs/", id);
}

void JobKeeper::logFailure(const model::JobRecord& job,
                           std::string_view doing,
                           const Error& error) const {
  foundation_.log.error(
      "jobs", cat(doing, " job ", job.id, " of sandbox ", job.sandbox, ": ", error.message));
}

net::Task<void> JobKeeper::close() {
  closed_ = true;
  tasks_.cancel();
  co_await tasks_.join();
}

net::Task<Result<model::JobRecord>> JobKeeper::start(SandboxPtr sandbox,
                                                     model::JobRecord job,
                                                     wire::ExecRequest request) {
  co_return co_await net::toItsEnd(
      startNow(std::move(sandbox), std::move(job), std::move(request)));
}

net::Task<Result<model::JobRecord>> JobKeeper::startNow(SandboxPtr sandbox,
                                                        model::JobRecord job,
                                                        wire::ExecRequest request) {
  const StartingJob starting(sandbox);
  const AgentPtr agent = sandbox->agent;
  job.sandbox = sandbox->record.uuid;
  job.started_at = foundation_.clock.wall();
  const Status recorded = co_await putOnRecord(job);
  AK_CO_TRY(recorded);
  auto opened = co_await open(job);
  Result<StreamPtr> stream = fail(ErrorCode::Unavailable, "the sandbox has been stopped");
  if (opened && agent) {
    stream = co_await agent->startJob(job.id, std::move(request));
  }
  if (!opened || !stream) {
    Error error = opened ? std::move(stream).error() : std::move(opened).error();
    if (error.code == ErrorCode::Unsupported) {
      error.remedy = "The sandbox was started by an older version: stop and start it.";
    }
    if (error.code == ErrorCode::Timeout) {
      tasks_.spawn(endUnknown(agent, job.id));  // it may begin all the same
    }
    const Status erased = co_await erase(job);
    if (!erased) {
      logFailure(job, "erasing what cannot be started,", erased.error());
    }
    co_return std::unexpected(std::move(error));
  }
  const LiveJobPtr live = *std::move(opened);
  carry(sandbox, live, *std::move(stream));
  co_return live->record;
}

// On the store's worker. The oldest that has ended gives way.
Status JobKeeper::makeRoom(const std::string& sandbox) {
  const auto loaded = AK_TRY(foundation_.store.jobs().list(sandbox));
  std::size_t count = loaded.records.size() + loaded.unreadable.size();
  for (const model::JobRecord& job : loaded.records) {
    if (count < wire::kMaxJobs) {
      return {};
    }
    if (job.status != model::JobStatus::Running) {
      AK_TRY(foundation_.store.jobs().remove(job.sandbox, job.id));
      AK_TRY(removeJobLogs(directoryOf(job.sandbox, job.id)));
      --count;
    }
  }
  return count < wire::kMaxJobs
             ? Status()
             : fail(ErrorCode::Capacity,
                    cat("the sandbox has ", wire::kMaxJobs, " detached commands that run"),
                    "Wait until some of them have ended, or end them: agentkernel job kill");
}

net::Task<Status> JobKeeper::putOnRecord(model::JobRecord& job) {
  const Status done = co_await foundation_.store_worker.run([this, &job]() -> Status {
    AK_TRY(makeRoom(job.sandbox));
    Status inserted;
    do {
      job.id = foundation_.random.hex(4);
      inserted = foundation_.store.jobs().insert(job);
    } while (!inserted && inserted.error().code == ErrorCode::AlreadyExists);
    return inserted;
  });
  co_return done;
}

net::Task<Status> JobKeeper::erase(model::JobRecord job) {
  co_return co_await foundation_.store_worker.run([this, &job]() -> Status {
    AK_TRY(removeJobLogs(directoryOf(job.sandbox, job.id)));
    return foundation_.store.jobs().remove(job.sandbox, job.id);
  });
}

net::Task<Result<LiveJobPtr>> JobKeeper::open(model::JobRecord job) {
  co_return co_await foundation_.workers.run([this, &job]() -> Result<LiveJobPtr> {
    const std::string directory = directoryOf(job.sandbox, job.id);
    JobLog out = AK_TRY(JobLog::open(directory, JobChannel::Stdout));
    JobLog err = AK_TRY(JobLog::open(directory, JobChannel::Stderr));
    return std::make_shared<LiveJob>(foundation_.executor, std::move(job), std::move(out),
                                     std::move(err));
  });
}

void JobKeeper::carry(const SandboxPtr& sandbox, const LiveJobPtr& job, StreamPtr stream) {
  const wire::JobOffsets& from = stream->from();
  job->out.skipTo(from.out);
  job->err.skipTo(from.err);
  job->record.pid = static_cast<std::int32_t>(stream->pid());
  if (!stream->shell().empty()) {
    job->record.command = {stream->shell()};
  }
  job->record.stdout_bytes = from.out;
  job->record.stderr_bytes = from.err;
  if (closed_) {
    return;  // the next daemon finds it
  }
  sandbox->jobs[job->record.id] = job;
  tasks_.spawn(drain(sandbox, job, std::move(stream), sandbox->agent));
}

net::Task<Status> JobKeeper::conclude(SandboxPtr sandbox, model::JobRecord& job) {
  job.ended_at = foundation_.clock.wall();
  const Status saved = co_await foundation_.store_worker.run(
      [this, &job] { return foundation_.store.jobs().update(job); });
  if (!saved && saved.error().code != ErrorCode::NotFound) {  // NotFound: removed with its sandbox
    logFailure(job, "recording the end of", saved.error());
  }
  if (foundation_.witness != nullptr) {
    foundation_.witness->jobEnded(sandbox->record, job);
  }
  if (foundation_.events != nullptr) {
    foundation_.events->publish(
        event_type::kJobEnded, sandbox->record,
        {{"id", job.id, {}},
         {"status", std::string(model::name(job.status)), {}},
         {"exit_code", "",
          job.outcome ? std::optional<std::int64_t>(job.outcome->exit_code) : std::nullopt}});
  }
  if (on_ended_) {
    on_ended_(sandbox, job);
  }
  co_return saved;
}

net::Task<Result<std::vector<model::JobRecord>>> JobKeeper::list(SandboxPtr sandbox) {
  while (sandbox->adopting) {
    co_await sandbox->changed.wait();
  }
  auto loaded = co_await foundation_.store_worker.run(
      [this, &sandbox] { return foundation_.store.jobs().list(sandbox->record.uuid); });
  if (!loaded) {
    co_return std::unexpected(std::move(loaded).error());
  }
  for (const auto& [id, why] : loaded->unreadable) {
    foundation_.log.error("jobs", cat("the record of job ", id, " cannot be read: ", why));
  }
  for (model::JobRecord& job : loaded->records) {
    const auto live = sandbox->jobs.find(job.id);
    if (live != sandbox->jobs.end()) {
      job = live->second->record;
    }
  }
  co_return std::move(loaded->records);
}

net::Task<Result<model::JobRecord>> JobKeeper::find(SandboxPtr sandbox, std::string id) {
  while (sandbox->adopting) {
    co_await sandbox->changed.wait();
  }
  if (const auto live = sandbox->jobs.find(id); live != sandbox->jobs.end()) {
    co_return live->second->record;
  }
  auto found = co_await foundation_.store_worker.run(
      [this, &sandbox, &id] { return foundation_.store.jobs().find(sandbox->record.uuid, id); });
  if (!found) {
    co_return std::unexpected(std::move(found).error());
  }
  if (!*found) {
    co_return fail(ErrorCode::NotFound,
                   cat("sandbox '", sandbox->record.name, "' has no job '", printable(id), "'"),
                   cat("List them with: agentkernel job list ", sandbox->record.name));
  }
  co_return **std::move(found);
}

}  // namespace ak::manager
