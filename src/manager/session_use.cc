// Sessions: jobs with a terminal, which people join and leave.
#include <algorithm>

#include "base/text.h"
#include "manager/exec_request.h"
#include "manager/jobs_use.h"
#include "manager/manager.h"
#include "manager/session_keys.h"
#include "net/task_group.h"

namespace ak::manager {

namespace {

constexpr std::string_view kShell = "/bin/sh";
constexpr std::string_view kCapability = "job-terminal";
// Of what was shown before, for who joins.
constexpr std::uint64_t kShownBefore = 64 * 1024;

// The end of a session's output begins anywhere: in the middle of a character or of an escape
// sequence. What follows a line's end, or begins with an escape, is whole.
void beginSafely(std::string& shown) {
  const std::size_t at = shown.find_first_of("\n\033");
  shown.erase(0, at == std::string::npos ? shown.size() : shown[at] == '\n' ? at + 1 : at);
}

// What a full disk did not take.
std::string gapLine(std::uint64_t bytes) {
  return cat("\r\n[agentkernel: ", bytes, " bytes of output are missing here]\r\n");
}

}  // namespace

// One client in one session.
struct SandboxJobs::Showing {
  Showing(SandboxPtr in, model::JobRecord about, ExecSink& to)
      : sandbox(std::move(in)), record(std::move(about)), sink(to) {
    const auto entry = sandbox->jobs.find(record.id);
    if (entry != sandbox->jobs.end()) {
      live = entry->second;
      record = live->record;
      watcher = live->watchers.emplace(live->watchers.end(), record.stdout_bytes);
    }
  }

  ~Showing() {
    if (live) {
      live->watchers.erase(watcher);
      live->taken.notifyAll();
    }
  }

  Showing(const Showing&) = delete;
  Showing& operator=(const Showing&) = delete;

  // What was shown up to there is with the client.
  void taken(std::uint64_t offset) {
    next = offset;
    if (live) {
      watcher->offset = offset;
      watcher->stuck = false;
      live->taken.notifyAll();
    }
  }

  // The client has closed its side.
  void leave() {
    left = true;
    if (live) {
      live->notify();
    }
  }

  bool over() const { return !live || live->over; }

  SandboxPtr sandbox;
  model::JobRecord record;
  ExecSink& sink;
  LiveJobPtr live;  // null: it has ended
  std::list<JobWatcher>::iterator watcher;
  std::uint64_t next = 0;
  bool begins_anywhere = false;  // what comes first was cut out of the middle
  bool left = false;
};

namespace {

Error fellBehind(const Sandbox& sandbox, const model::JobRecord& job, std::uint64_t missing) {
  return Error::make(
      ErrorCode::Conflict,
      cat("this terminal is too slow: ", missing, " bytes of the session are gone; it goes on"),
      cat("Join it again: agentkernel attach ", sandbox.record.name, " --session ", job.id));
}

Error clientLeft() {
  return Error::make(ErrorCode::Cancelled, "the client has left; the session goes on");
}

bool begins(const model::JobRecord& job, std::string_view with) {
  return std::string_view(job.id).starts_with(with);
}

}  // namespace

net::Task<Result<model::JobRecord>> SandboxJobs::newSession(Caller caller,
                                                            SandboxPtr sandbox,
                                                            model::ExecRequest request) {
  const bool own_shell = request.command.empty();
  if (own_shell) {
    request.command = {std::string(kShell)};
  }
  request.terminal = true;
  request.stdin_open = true;
  const Status allowed = co_await planner_.checkExec(caller, request);
  AK_CO_TRY(allowed);
  model::JobRecord job;
  job.command = request.command;
  job.terminal = true;
  wire::ExecRequest exec = execRequestOf(sandbox->record, std::move(request));
  exec.login_shell = own_shell;
  co_return co_await begin(std::move(sandbox), std::move(job), std::move(exec));
}

net::Task<Result<model::JobRecord>> SandboxJobs::findSession(Caller caller,
                                                             SandboxPtr sandbox,
                                                             std::string id) {
  auto listed = co_await lifecycle_.jobs().list(sandbox);
  std::vector<model::JobRecord> jobs = AK_CO_TRY(std::move(listed));
  std::erase_if(jobs, [&](const model::JobRecord& job) { return !begins(job, id); });
  const std::string list = cat("List them with: agentkernel job list ", sandbox->record.name);
  if (jobs.empty()) {
    co_return fail(ErrorCode::NotFound,
                   cat("sandbox '", sandbox->record.name, "' has no session '", printable(id), "'"),
                   list);
  }
  // Those that cannot be joined stand in nobody's way.
  const auto joinable = [](const model::JobRecord& job) {
    return job.terminal && job.status == model::JobStatus::Running;
  };
  if (std::ranges::any_of(jobs, joinable)) {
    std::erase_if(jobs, std::not_fn(joinable));
  }
  if (jobs.size() > 1) {
    co_return fail(ErrorCode::InvalidArgument,
                   cat(jobs.size(), " sessions begin with '", printable(id), "'"), list);
  }
  model::JobRecord& job = jobs.front();
  if (!job.terminal) {
    co_return fail(
        ErrorCode::Conflict, cat("job ", job.id, " has no terminal"),
        cat("See what it prints: agentkernel job logs -f ", sandbox->record.name, " ", job.id));
  }
  if (job.status != model::JobStatus::Running) {
    co_return fail(ErrorCode::Conflict, cat("session ", job.id, " has ended"),
                   cat("What it showed: agentkernel job logs ", sandbox->record.name, " ", job.id));
  }
  const model::ExecRequest as_if{.command = job.command, .terminal = true};
  const Status allowed = co_await planner_.checkExec(caller, as_if);
  AK_CO_TRY(allowed);
  co_return std::move(job);
}

net::Task<Result<JobView>> SandboxJobs::attach(Caller caller,
                                               std::string sandbox,
                                               model::AttachRequest request,
                                               ExecSink& sink) {
  const SandboxPtr found = AK_CO_TRY(lifecycle_.table().findRunning(sandbox));
  const InUse in_use(lifetimes_, found);
  const std::shared_ptr<channel::Agent> agent = found->agent;
  if (agent->hello().capabilities.empty()) {
    // A first session does not wait for its agent's hello: the answer to a ping comes behind that.
    const Status there = co_await agent->ping();
    AK_CO_TRY(there);
  }
  if (std::ranges::find(agent->hello().capabilities, kCapability) ==
      agent->hello().capabilities.end()) {
    co_return fail(ErrorCode::Unsupported, "the sandbox's agent knows no sessions",
                   "It was started by an older version: stop and start the sandbox.");
  }
  const bool fresh = request.session.empty();
  const model::TerminalSize window = request.start.window;
  auto session = fresh ? co_await newSession(caller, found, std::move(request.start))
                       : co_await findSession(caller, found, std::move(request.session));
  model::JobRecord record = AK_CO_TRY(std::move(session));
  Showing showing(found, std::move(record), sink);
  std::shared_ptr<channel::JobTerminal> terminal;
  auto typing = co_await agent->typeOnJob(showing.record.id);
  if (typing) {
    terminal = *std::move(typing);
  } else if (typing.error().code != ErrorCode::Conflict &&
             typing.error().code != ErrorCode::NotFound) {
    co_return std::unexpected(std::move(typing).error());
  }  // else it has ended already: what it has shown follows, and how it ended
  ExecSink::Started started;
  started.sandbox = found->record.name;
  started.uuid = found->record.uuid;
  started.image = found->record.image;
  started.session = showing.record.id;
  started.command = showing.record.command;
  const Status told = co_await sink.started(started);
  AK_CO_TRY(told);
  const std::uint64_t end = showing.record.stdout_bytes;
  showing.begins_anywhere = !fresh && end > kShownBefore;
  showing.taken(showing.begins_anywhere ? end - kShownBefore : 0);

  net::TaskGroup input(foundation_.executor);
  input.spawn(carryKeys(std::move(terminal), sink, fresh ? std::nullopt : std::optional(window),
                        [&showing] { showing.leave(); }));
  const Status shown = co_await show(showing);
  input.cancel();
  co_await input.join();
  AK_CO_TRY(shown);
  Found watched{found, std::move(showing.record)};
  auto now = co_await again(std::move(watched));
  Found ended = AK_CO_TRY(std::move(now));
  co_return std::move(ended).view();
}

net::Task<Status> SandboxJobs::show(Showing& showing) {
  for (;;) {
    const std::uint64_t seen = showing.live ? showing.live->revision : 0;
    // Looked at before reading: what is printed last is in the file before the session is over.
    const bool over = showing.over();
    for (bool more = true; more && !showing.left;) {
      const std::uint64_t end = (showing.live ? showing.live->record : showing.record).stdout_bytes;
      auto looked = co_await read(showing.record, JobChannel::Stdout, showing.next);
      if (!looked && looked.error().code == ErrorCode::NotFound) {
        break;  // removed with its sandbox
      }
      JobPiece piece = AK_CO_TRY(std::move(looked));
      more = !piece.data.empty();
      if (!more && end > showing.next) {
        piece.missing = end - showing.next;  // the disk did not take it
        piece.next = end;
      }
      if (std::exchange(showing.begins_anywhere, false)) {
        beginSafely(piece.data);
      } else if (piece.missing != 0) {
        if (end > showing.next + JobLog::kSegment) {
          co_return std::unexpected(fellBehind(*showing.sandbox, showing.record, piece.missing));
        }
        piece.data.insert(0, gapLine(piece.missing));
      }
      if (!piece.data.empty()) {
        const Status sent = co_await showing.sink.standardOutput(piece.data);
        AK_CO_TRY(sent);
      }
      showing.taken(piece.next);
    }
    if (showing.left) {
      co_return std::unexpected(clientLeft());
    }
    if (over) {
      co_return Status();
    }
    if (showing.live->revision == seen) {
      co_await showing.live->changed.wait();
    }
  }
}

}  // namespace ak::manager
