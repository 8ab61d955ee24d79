#include "manager/audited_manager.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "manager/operation_record.h"
#include "manager/watched_sink.h"

namespace ak::manager {

namespace {

using audit::Event;
using audit::Kind;
using model::SandboxStatus;

// What a new sandbox is.
struct Made {
  std::string image;
  std::string backend;
  model::Labels labels;
  std::vector<model::VolumeMount> volumes;
  const std::vector<model::PortMapping>& ports;
  const model::Permissions& permissions;
};

Event& addMade(Event& event, const Made& made) {
  event.text("image", made.image).text("backend", made.backend);
  if (!made.labels.empty()) {
    event.object("labels", made.labels);
  }
  if (!made.volumes.empty()) {
    std::vector<std::string> words;
    for (const model::VolumeMount& volume : made.volumes) {
      words.push_back(model::mountText(volume));
    }
    event.texts("volumes", words);
  }
  if (!made.ports.empty()) {
    std::vector<std::string> shown;
    std::ranges::transform(made.ports, std::back_inserter(shown), model::describe);
    event.texts("ports", shown);
  }
  return addSecurity(event, made.permissions);
}

}  // namespace

net::Task<Result<RunResult>> AuditedManager::run(Caller caller,
                                                 model::RunRequest request,
                                                 ExecSink& sink) {
  AK_CO_TRY(auditor_.ready());
  const bool stays = request.keep || request.detach;
  CommandRecord record(auditor_, caller_,
                       {.operation = "run",
                        .sandbox = request.name,
                        .command = request.command,
                        .environment = request.environment,
                        .terminal = request.terminal,
                        .one_shot = !stays,
                        .detached = request.detach});
  const auto told = [&, labels = request.notes.labels,
                     volumes = request.volumes](const ExecSink::Started& started) {
    if (stays) {
      Event made = auditor_.about(Kind::SandboxCreated, caller_);
      addSandbox(made, "name", started.sandbox, started.uuid);
      auditor_.record(addMade(made, {started.image, inner_.overview().backend, labels, volumes,
                                     started.ports, started.permissions}));
      Event begun = auditor_.about(Kind::SandboxStarted, caller_);
      addSandbox(begun, "name", started.sandbox, started.uuid);
      auditor_.record(addSecurity(begun, started.permissions));
    }
    record.started(started);
  };
  WatchedSink watched(sink, told);
  Result<RunResult> result = co_await inner_.run(caller, std::move(request), watched);
  if (result) {
    record.ended(*result);
  } else {
    record.failed(result.error(), "");
  }
  co_return result;
}

net::Task<Result<RunResult>> AuditedManager::exec(Caller caller,
                                                  std::string name,
                                                  model::ExecRequest request,
                                                  ExecSink& sink) {
  AK_CO_TRY(auditor_.ready());
  CommandRecord record(auditor_, caller_,
                       {.operation = "exec",
                        .sandbox = name,
                        .command = request.command,
                        .environment = request.environment,
                        .terminal = request.terminal,
                        .as_root = request.sudo});
  WatchedSink watched(sink, [&](const ExecSink::Started& started) { record.started(started); });
  Result<RunResult> result = co_await inner_.exec(caller, name, std::move(request), watched);
  if (result) {
    record.ended(*result);
    co_return result;
  }
  const Result<SandboxView> known = co_await inner_.get(name);
  record.failed(result.error(), known ? known->record.uuid : "");
  co_return result;
}

net::Task<Result<SandboxView>> AuditedManager::create(Caller caller, model::RunRequest request) {
  AK_CO_TRY(auditor_.ready());
  OperationRecord record(auditor_, caller_, {Kind::SandboxCreated, "create", request.name, {}, {}});
  Result<SandboxView> made = co_await inner_.create(caller, std::move(request));
  if (!made) {
    record.failed(made.error());
    co_return made;
  }
  const model::SandboxRecord& is = made->record;
  Event created = auditor_.about(Kind::SandboxCreated, caller_);
  addSandbox(created, "name", is.name, is.uuid);
  record.done(
      addMade(created, {is.image, is.backend, is.labels, is.volumes, is.ports, is.permissions}));
  Event started = auditor_.about(Kind::SandboxStarted, caller_);
  addSandbox(started, "name", is.name, is.uuid);
  auditor_.record(addSecurity(started, is.permissions));
  co_return made;
}

net::Task<Result<SandboxView>> AuditedManager::start(std::string name) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> before = co_await inner_.get(name);
  OperationRecord record(
      auditor_, caller_,
      OperationRecord::aboutSandbox(Kind::SandboxStarted, "start", name, before));
  Result<SandboxView> started = co_await inner_.start(std::move(name));
  if (!started) {
    record.failed(started.error());
  } else if (before && before->status == SandboxStatus::Running) {
    record.nothing();
  } else {
    Event event = record.event();
    record.done(addSecurity(event, started->record.permissions));
  }
  co_return started;
}

net::Task<Result<SandboxView>> AuditedManager::stop(std::string name) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> before = co_await inner_.get(name);
  OperationRecord record(auditor_, caller_,
                         OperationRecord::aboutSandbox(Kind::SandboxStopped, "stop", name, before));
  Result<SandboxView> stopped = co_await inner_.stop(std::move(name));
  if (!stopped) {
    record.failed(stopped.error());
  } else if (before && before->status == SandboxStatus::Stopped) {
    record.nothing();
  } else {
    record.done(record.event());
  }
  co_return stopped;
}

net::Task<Status> AuditedManager::remove(std::string name) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> before = co_await inner_.get(name);
  OperationRecord record(
      auditor_, caller_,
      OperationRecord::aboutSandbox(Kind::SandboxRemoved, "remove", name, before));
  Status removed = co_await inner_.remove(std::move(name));
  if (removed) {
    record.done(record.event());
  } else {
    record.failed(removed.error());
  }
  co_return removed;
}

net::Task<Result<std::vector<model::Change>>> AuditedManager::apply(std::string name,
                                                                    std::vector<std::string> paths,
                                                                    ApplyForce protected_too) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> before = co_await inner_.get(name);
  OperationRecord record(
      auditor_, caller_,
      OperationRecord::aboutSandbox(Kind::ChangesApplied, "apply", name, before));
  Result<std::vector<model::Change>> applied =
      co_await inner_.apply(std::move(name), std::move(paths), protected_too);
  if (!applied) {
    record.failed(applied.error());
    co_return applied;
  }
  std::vector<std::string> taken;
  taken.reserve(applied->size());
  for (const model::Change& change : *applied) {
    taken.push_back(change.path);
  }
  Event event = record.event();
  event.texts("paths", taken).number("count", static_cast<std::int64_t>(taken.size()));
  if (protected_too == ApplyForce::Yes) {
    event.flag("forced", true);
  }
  record.done(event);
  co_return applied;
}

net::Task<Status> AuditedManager::discard(std::string name, std::vector<std::string> paths) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> before = co_await inner_.get(name);
  OperationRecord record(
      auditor_, caller_,
      OperationRecord::aboutSandbox(Kind::ChangesDiscarded, "discard", name, before));
  const std::vector<std::string> asked = paths;
  Status discarded = co_await inner_.discard(std::move(name), std::move(paths));
  if (discarded) {
    record.done(record.event().texts("paths", asked));
  } else {
    record.failed(discarded.error());
  }
  co_return discarded;
}

}  // namespace ak::manager
