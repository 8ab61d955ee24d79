#include "base/stopwatch.h"
#include "base/text.h"
#include "manager/changes.h"
#include "manager/daemon_manager.h"
#include "manager/exec_request.h"
#include "manager/pump.h"
#include "manager/workspace_trees.h"

namespace ak::manager {

// One run on its way.
struct DaemonManager::RunState {
  Plan plan;
  model::RunRequest request;
  SandboxPtr sandbox;
  std::unique_ptr<channel::ExecStream> stream;  // of a command that somebody waits for
  std::string job;                              // of one that is detached
};

namespace {

// Ends a sandbox however the run leaves: done, failed, or cancelled because the client went or the
// daemon stops.
class EndOnExit {
 public:
  EndOnExit(Lifecycle& lifecycle, SandboxPtr sandbox, std::string reason)
      : lifecycle_(lifecycle), sandbox_(std::move(sandbox)), reason_(std::move(reason)) {}

  ~EndOnExit() {
    if (sandbox_) {
      lifecycle_.stopInBackground(std::move(sandbox_), std::move(reason_));
    }
  }

  EndOnExit(const EndOnExit&) = delete;
  EndOnExit& operator=(const EndOnExit&) = delete;

  void keep() { sandbox_.reset(); }

 private:
  Lifecycle& lifecycle_;
  SandboxPtr sandbox_;
  std::string reason_;
};

// A sandbox that ends with its command has no time of its own, and a detached command nobody who
// types.
Status checkTogether(const model::RunRequest& request) {
  if (request.detach && (request.terminal || request.stdin_open)) {
    return fail(ErrorCode::InvalidArgument,
                "a detached command has neither a terminal nor standard input",
                "Leave 'tty' and 'stdin' away, or run it attached.");
  }
  if (!request.keep && !request.detach &&
      (request.notes.ttl_seconds || !request.notes.lifecycle.empty())) {
    return fail(ErrorCode::InvalidArgument,
                "a time to live is for sandboxes that outlast their command",
                "Keep it (--keep), or limit the command itself (--timeout).");
  }
  return {};
}

std::uint32_t milliseconds32(const std::optional<std::chrono::milliseconds>& timeout) {
  return timeout ? static_cast<std::uint32_t>(timeout->count()) : 0;
}

}  // namespace

wire::ExecRequest DaemonManager::commandOf(const RunState& state) {
  wire::ExecRequest exec;
  exec.argv = state.plan.command;
  exec.directory = state.plan.workdir;
  exec.user = state.plan.user;
  exec.terminal = state.request.terminal;
  exec.window = {state.request.window.rows, state.request.window.columns};
  exec.close_stdin = !state.request.stdin_open;
  exec.timeout_ms = milliseconds32(state.request.timeout);
  exec.last = !state.sandbox->durable;
  return exec;
}

net::Task<Status> DaemonManager::startCommand(RunState& state) {
  if (state.request.detach) {
    auto job = co_await detachCommand(state);
    state.job = AK_CO_TRY(std::move(job));
    co_return Status{};
  }
  auto stream = co_await state.sandbox->agent->exec(commandOf(state));
  state.stream = AK_CO_TRY(std::move(stream));
  co_return Status{};
}

// The agent keeps a command's time. When it does not, the caller has its timeout all the same.
Result<model::ExecOutcome> DaemonManager::orTimedOut(const SandboxPtr& sandbox,
                                                     Result<model::ExecOutcome> outcome) {
  if (outcome || outcome.error().code != ErrorCode::Timeout) {
    return outcome;
  }
  lifecycle_.endIfSilent(sandbox);
  wire::ExecExit exit;
  exit.timed_out = true;
  return outcomeOf(exit);
}

void DaemonManager::tellEnd(const Sandbox& sandbox, const model::ExecOutcome& outcome) const {
  lifecycle_.publish(event_type::kExecCompleted, sandbox, {{"exit_code", "", outcome.exit_code}});
}

net::Task<Result<model::ExecOutcome>> DaemonManager::carry(RunState& state, ExecSink& sink) {
  PumpOptions options;
  options.terminal = state.request.terminal;
  options.tap = [sandbox = state.sandbox](bool, std::string_view data) {
    if (sandbox->log) {
      sandbox->log->append(data);
      sandbox->notify();
    }
  };
  auto outcome = co_await pump(foundation_.executor, *state.stream, sink, std::move(options));
  co_return orTimedOut(state.sandbox, std::move(outcome));
}

// A job of the sandbox: it outlives us, and the sandbox ends with it or is kept.
net::Task<Result<std::string>> DaemonManager::detachCommand(RunState& state) {
  model::JobRecord job;
  job.command = state.plan.command;
  job.main = true;
  auto started = co_await lifecycle_.jobs().start(state.sandbox, std::move(job), commandOf(state));
  const model::JobRecord record = AK_CO_TRY(std::move(started));
  co_return record.id;
}

net::Task<Result<RunResult>> DaemonManager::run(Caller caller,
                                                model::RunRequest request,
                                                ExecSink& sink) {
  const Stopwatch watch(foundation_.clock);
  AK_CO_TRY(checkTogether(request));
  RunState state;
  Result<Plan> plan = co_await planner_.plan(caller, request);
  if (!plan) {
    co_return std::unexpected(std::move(plan).error());
  }
  state.plan = std::move(*plan);
  AK_CO_TRY(model::validateCommand(state.plan.command));  // neither request nor project named one
  state.request = std::move(request);
  RunResult result;
  result.phases.resolved = watch.microseconds();

  BeginOptions options;
  options.name = state.plan.name;
  options.durable = state.request.keep || state.request.detach;
  options.one_shot = !state.request.keep;
  options.may_pool = state.request.fast;
  options.want_changes = state.request.want_changes;
  options.notes = state.request.notes;
  Result<SandboxPtr> sandbox = co_await lifecycle_.begin(state.plan, std::move(options));
  if (!sandbox) {
    co_return std::unexpected(std::move(sandbox).error());
  }
  state.sandbox = *sandbox;
  EndOnExit end(lifecycle_, *sandbox, "its command ended");
  const InUse in_use(lifetimes_, *sandbox);
  result.phases.claimed = watch.microseconds();
  result.sandbox = state.sandbox->record.name;
  result.uuid = state.sandbox->record.uuid;
  result.limits = state.sandbox->record.limits;

  Status command = co_await startCommand(state);
  if (!command) {
    // A kept sandbox whose command cannot even start is of no use to anybody.
    const Status removed = co_await lifecycle_.remove(*sandbox);
    end.keep();
    Error error = std::move(command).error();
    if (!removed) {
      error.message += cat(" (and removing the sandbox failed: ", removed.error().message, ")");
    }
    co_return std::unexpected(std::move(error));
  }
  result.job = state.job;
  ExecSink::Started started;
  started.sandbox = result.sandbox;
  started.uuid = result.uuid;
  started.image = state.plan.image.reference;
  started.hints = state.plan.hints;
  started.warnings = state.plan.warnings;
  started.from_pool = state.sandbox->from_pool;
  started.permissions = state.sandbox->record.permissions;
  started.ports = state.sandbox->record.ports;
  for (const model::PortMapping& port : started.ports) {
    started.hints.push_back(cat("Published ", model::describe(port), "."));
  }
  if (state.request.command.empty()) {
    started.command = state.plan.command;
  }
  const Status told = co_await sink.started(started);
  result.phases.started = watch.microseconds();
  if (state.request.detach) {
    end.keep();
    result.phases.finished = watch.microseconds();
    co_return result;
  }
  if (!told) {
    co_return std::unexpected(told.error());
  }
  Result<model::ExecOutcome> outcome = co_await carry(state, sink);
  if (!outcome) {
    co_return std::unexpected(std::move(outcome).error());
  }
  result.outcome = *outcome;
  tellEnd(*state.sandbox, *outcome);
  result.phases.exited = watch.microseconds();
  if (state.request.want_changes) {
    Result<std::vector<model::Change>> changes = co_await changesIn(state.sandbox, {});
    if (changes) {
      result.changes = std::move(*changes);
    } else {
      result.changes_error = std::move(changes).error();
    }
  }
  if (state.request.keep) {
    end.keep();
  } else if (state.sandbox->record.permissions.workspace == model::WorkspaceMode::ReadWrite) {
    // What held protected names in the directory goes with the box, and whoever ran the command
    // may want to make just these next.
    end.keep();
    const Status ended = co_await lifecycle_.stop(*sandbox, "its command ended");
    AK_CO_TRY(ended);
  }
  result.phases.finished = watch.microseconds();
  co_return result;
}

net::Task<Result<RunResult>> DaemonManager::exec(Caller caller,
                                                 std::string name,
                                                 model::ExecRequest request,
                                                 ExecSink& sink) {
  const Stopwatch watch(foundation_.clock);
  SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().findRunning(name));
  const Status allowed = co_await planner_.checkExec(caller, request);
  AK_CO_TRY(allowed);
  RunResult result;
  result.sandbox = sandbox->record.name;
  result.uuid = sandbox->record.uuid;
  result.limits = sandbox->record.limits;
  PumpOptions options;
  options.terminal = request.terminal;
  wire::ExecRequest exec = execRequestOf(sandbox->record, std::move(request));
  const InUse in_use(lifetimes_, sandbox);
  // The agent is held here: the sandbox may be stopped while the command runs.
  const std::shared_ptr<channel::Agent> agent = sandbox->agent;
  Result<std::unique_ptr<channel::ExecStream>> stream = co_await agent->exec(std::move(exec));
  if (!stream) {
    if (stream.error().code == ErrorCode::Timeout) {
      lifecycle_.endIfSilent(sandbox);
    }
    co_return std::unexpected(std::move(stream).error());
  }
  ExecSink::Started started;
  started.sandbox = result.sandbox;
  started.uuid = result.uuid;
  started.image = sandbox->record.image;
  const Status told = co_await sink.started(started);
  AK_CO_TRY(told);
  result.phases.started = watch.microseconds();
  auto pumped = co_await pump(foundation_.executor, **stream, sink, std::move(options));
  Result<model::ExecOutcome> outcome = orTimedOut(sandbox, std::move(pumped));
  if (!outcome) {
    co_return std::unexpected(std::move(outcome).error());
  }
  result.outcome = *outcome;
  tellEnd(*sandbox, *outcome);
  result.phases.exited = result.phases.finished = watch.microseconds();
  co_return result;
}

}  // namespace ak::manager
