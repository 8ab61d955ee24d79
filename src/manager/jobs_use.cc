#include "manager/jobs_use.h"

#include "base/text.h"
#include "manager/exec_request.h"
#include "net/timeout.h"

namespace ak::manager {

namespace {

constexpr std::size_t kPiece = 256 * 1024;

std::string gapLine(std::uint64_t bytes) {
  return cat("\n[agentkernel: ", bytes, " bytes of output are missing here]\n");
}

std::uint64_t printed(const model::JobRecord& job, JobChannel channel) {
  return channel == JobChannel::Stdout ? job.stdout_bytes : job.stderr_bytes;
}

// What the log never got, at its end.
JobPiece lostAtTheEnd(const model::JobRecord& job, JobChannel channel, std::uint64_t offset) {
  const std::uint64_t end = printed(job, channel);
  return {.missing = end > offset ? end - offset : 0, .next = std::max(end, offset), .data = {}};
}

Status refuseInteractive(const model::ExecRequest& request) {
  if (request.terminal || request.stdin_open) {
    return fail(ErrorCode::InvalidArgument,
                "a detached command has neither a terminal nor standard input",
                "Leave 'tty' and 'stdin' away, or run it attached.");
  }
  return {};
}

// Holds the job: its sandbox forgets it meanwhile.
net::Task<Status> untilOver(LiveJobPtr job) {
  while (!job->over) {
    co_await job->changed.wait();
  }
  co_return Status();
}

}  // namespace

net::Task<Result<JobView>> SandboxJobs::start(Caller caller,
                                              std::string sandbox,
                                              model::ExecRequest request) {
  const Status allowed = co_await planner_.checkExec(caller, request);
  AK_CO_TRY(allowed);
  AK_CO_TRY(refuseInteractive(request));
  SandboxPtr found = AK_CO_TRY(lifecycle_.table().findRunning(sandbox));
  const InUse in_use(lifetimes_, found);
  model::JobRecord job;
  job.command = request.command;
  wire::ExecRequest exec = execRequestOf(found->record, std::move(request));
  auto started = co_await begin(found, std::move(job), std::move(exec));
  model::JobRecord record = AK_CO_TRY(std::move(started));
  co_return JobView{found->record.name, std::move(record)};
}

net::Task<Result<model::JobRecord>> SandboxJobs::begin(SandboxPtr sandbox,
                                                       model::JobRecord job,
                                                       wire::ExecRequest request) {
  if (!sandbox->durable) {
    co_return fail(
        ErrorCode::Conflict, cat("sandbox '", sandbox->record.name, "' ends with its command"),
        job.terminal ? "A session needs a sandbox that stays; here use: agentkernel exec -t"
                     : "Detached commands are for sandboxes that stay: run --keep, or create.");
  }
  auto started = co_await lifecycle_.jobs().start(sandbox, std::move(job), std::move(request));
  if (!started && started.error().code == ErrorCode::Timeout) {
    lifecycle_.endIfSilent(sandbox);
  }
  co_return started;
}

net::Task<Result<std::vector<JobView>>> SandboxJobs::list(std::string sandbox) {
  const SandboxPtr found = AK_CO_TRY(lifecycle_.table().find(sandbox));
  auto jobs = co_await lifecycle_.jobs().list(found);
  if (!jobs) {
    co_return std::unexpected(std::move(jobs).error());
  }
  std::vector<JobView> views;
  for (model::JobRecord& job : *jobs) {
    views.push_back({found->record.name, std::move(job)});
  }
  co_return views;
}

net::Task<Result<SandboxJobs::Found>> SandboxJobs::find(const std::string& sandbox,
                                                        std::string id) {
  SandboxPtr found = AK_CO_TRY(lifecycle_.table().find(sandbox));
  auto record = co_await lifecycle_.jobs().find(found, std::move(id));
  if (!record) {
    co_return std::unexpected(std::move(record).error());
  }
  co_return Found{std::move(found), *std::move(record)};
}

// As it is now; as it was when the sandbox has been removed meanwhile.
net::Task<Result<SandboxJobs::Found>> SandboxJobs::again(Found found) {
  auto record = co_await lifecycle_.jobs().find(found.sandbox, found.record.id);
  if (record) {
    found.record = *std::move(record);
  } else if (record.error().code != ErrorCode::NotFound) {
    co_return std::unexpected(std::move(record).error());
  }
  co_return found;
}

net::Task<Result<JobView>> SandboxJobs::get(std::string sandbox, std::string id) {
  auto looked = co_await find(sandbox, std::move(id));
  Found found = AK_CO_TRY(std::move(looked));
  co_return std::move(found).view();
}

net::Task<Result<JobPiece>> SandboxJobs::read(const model::JobRecord& job,
                                              JobChannel channel,
                                              std::uint64_t offset) {
  co_return co_await foundation_.workers.run(
      [directory = lifecycle_.jobs().directoryOf(job.sandbox, job.id), channel, offset] {
        return readJobLog(directory, channel, offset, kPiece);
      });
}

net::Task<Result<JobOutput>> SandboxJobs::logs(std::string sandbox,
                                               std::string id,
                                               JobLogRequest request) {
  auto looked = co_await find(sandbox, std::move(id));
  const Found found = AK_CO_TRY(std::move(looked));
  JobOutput output;
  output.next = request.offset;
  // A writer that is faster than we are must not keep us here.
  for (bool more = true; more && output.data.size() < JobLog::kSegment * JobLog::kSegments;) {
    auto read_piece = co_await read(found.record, request.channel, output.next);
    JobPiece piece = AK_CO_TRY(std::move(read_piece));
    more = !piece.data.empty();
    if (!more && found.record.status != model::JobStatus::Running) {
      piece = lostAtTheEnd(found.record, request.channel, output.next);
    }
    if (piece.missing != 0) {
      output.data += gapLine(piece.missing);
    }
    output.data += piece.data;
    output.missing += piece.missing;
    output.next = piece.next;
  }
  co_return output;
}

net::Task<Result<JobView>> SandboxJobs::follow(std::string sandbox,
                                               std::string id,
                                               JobLogRequest request,
                                               JobSink sink) {
  auto looked = co_await find(sandbox, std::move(id));
  Found found = AK_CO_TRY(std::move(looked));
  for (;;) {
    const auto entry = found.sandbox->jobs.find(found.record.id);
    const LiveJobPtr live = entry == found.sandbox->jobs.end() ? nullptr : entry->second;
    // Looked at before reading: what is printed last is in the file before the job is over.
    const std::uint64_t seen = live ? live->revision : 0;
    const bool over = !live || live->over;
    if (over) {
      auto now = co_await again(std::move(found));
      found = AK_CO_TRY(std::move(now));
    }
    for (bool more = true; more;) {
      auto read_piece = co_await read(found.record, request.channel, request.offset);
      if (!read_piece && read_piece.error().code == ErrorCode::NotFound) {
        break;  // removed with its sandbox
      }
      JobPiece piece = AK_CO_TRY(std::move(read_piece));
      more = !piece.data.empty();
      if (!more && over) {
        piece = lostAtTheEnd(found.record, request.channel, request.offset);
      }
      const std::string gap = piece.missing == 0 ? std::string() : gapLine(piece.missing);
      if (more || !gap.empty()) {
        const Status taken = co_await sink(cat(gap, piece.data));
        AK_CO_TRY(taken);
      }
      request.offset = piece.next;
    }
    if (over) {
      co_return std::move(found).view();
    }
    if (live->revision == seen) {
      co_await live->changed.wait();
    }
  }
}

net::Task<Result<JobView>> SandboxJobs::signal(std::string sandbox, std::string id, int signal) {
  auto looked = co_await find(sandbox, std::move(id));
  Found found = AK_CO_TRY(std::move(looked));
  const std::shared_ptr<channel::Agent> agent = found.sandbox->agent;
  if (found.record.status != model::JobStatus::Running || !agent) {
    co_return fail(ErrorCode::Conflict, cat("job ", found.record.id, " has ended"));
  }
  const Status sent = co_await agent->signalJob(found.record.id, signal);
  AK_CO_TRY(sent);
  co_return std::move(found).view();
}

net::Task<Result<JobView>> SandboxJobs::kill(std::string sandbox,
                                             std::string id,
                                             std::chrono::milliseconds grace) {
  auto looked = co_await find(sandbox, std::move(id));
  Found found = AK_CO_TRY(std::move(looked));
  const std::shared_ptr<channel::Agent> agent = found.sandbox->agent;
  if (!agent) {
    co_return std::move(found).view();  // nothing of it can be left
  }
  const Status killed = co_await agent->killJob(found.record.id, grace);
  if (!killed && killed.error().code == ErrorCode::Timeout) {
    lifecycle_.endIfSilent(found.sandbox);
  }
  // What the agent does not know any more has left nothing.
  if (!killed && killed.error().code != ErrorCode::NotFound) {
    co_return std::unexpected(killed.error());
  }
  // Its end is on its way: an honest agent tells it as soon as it has answered us.
  const auto live = found.sandbox->jobs.find(found.record.id);
  if (live != found.sandbox->jobs.end()) {
    const Status over =
        co_await net::withTimeout(untilOver(live->second), channel::kCallLimit, "the job's end");
    AK_CO_TRY(over);
  }
  auto now = co_await again(std::move(found));
  found = AK_CO_TRY(std::move(now));
  co_return std::move(found).view();
}

}  // namespace ak::manager
