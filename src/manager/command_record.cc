// One command in the audit log, from its request to its end.
#include "base/text.h"
#include "manager/auditor.h"

namespace ak::manager {

namespace {

using audit::Event;
using audit::Kind;

std::string_view outcomeWord(const model::ExecOutcome& outcome) {
  return outcome.timed_out       ? "timed_out"
         : outcome.out_of_memory ? "out_of_memory"
         : outcome.killed        ? "killed"
         : outcome.signal != 0   ? "signal"
                                 : "exited";
}

Event& addOutcome(Event& event, const model::ExecOutcome& outcome) {
  event.number("exit_code", outcome.exit_code).text("outcome", outcomeWord(outcome));
  return outcome.signal == 0 ? event : event.number("signal", outcome.signal);
}

}  // namespace

std::vector<std::string> namesOf(const std::vector<std::string>& environment) {
  std::vector<std::string> names;
  names.reserve(environment.size());
  for (const std::string& entry : environment) {
    names.push_back(entry.substr(0, entry.find('=')));
  }
  return names;
}

void Auditor::jobEnded(const model::SandboxRecord& record_of, const model::JobRecord& job) {
  Event event = about(Kind::CommandExecuted, Caller());
  addSandbox(event, "sandbox", record_of.name, record_of.uuid);
  event.command(job.command, redactor_).text("job", job.id);
  if (job.outcome) {
    addOutcome(event, *job.outcome);
  } else {
    event.null("exit_code").text("outcome", model::name(job.status));
  }
  if (job.ended_at) {
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(*job.ended_at - job.started_at);
    event.number("duration_ms", took.count());
  }
  record(event);
}

CommandRecord::CommandRecord(Auditor& auditor, const Caller& caller, const What& what)
    : auditor_(auditor),
      caller_(caller),
      operation_(what.operation),
      sandbox_(what.sandbox),
      command_(auditor.redactor().command(what.command)),
      variables_(namesOf(what.environment)),
      terminal_(what.terminal),
      one_shot_(what.one_shot),
      detached_(what.detached),
      as_root_(what.as_root),
      begun_(auditor.clock().steady()),
      watched_(auditor.running_.end()) {}

CommandRecord::~CommandRecord() {
  stopWatching();
  if (!told_) {
    auditor_.record(event(Kind::CommandExecuted).null("exit_code").text("outcome", "interrupted"));
  }
}

void CommandRecord::stopWatching() {
  if (watched_ != auditor_.running_.end()) {
    auditor_.running_.erase(watched_);
    watched_ = auditor_.running_.end();
  }
}

Event CommandRecord::event(Kind kind) const {
  Event event = auditor_.about(kind, caller_);
  addSandbox(event, "sandbox", sandbox_.empty() ? "ephemeral" : sandbox_, uuid_);
  event.command(command_);
  if (!image_.empty()) {
    event.text("image", image_);
  }
  if (!profile_.empty()) {
    event.text("profile", profile_);
  }
  if (one_shot_) {
    event.flag("one_shot", true);
  }
  if (terminal_) {
    event.flag("terminal", true);
  }
  if (as_root_) {
    event.flag("sudo", true);
  }
  if (!variables_.empty()) {
    event.texts("env", variables_);
  }
  return event;
}

void CommandRecord::started(const ExecSink::Started& started) {
  sandbox_ = started.sandbox;
  uuid_ = started.uuid;
  image_ = started.image;
  if (!started.command.empty()) {
    command_ = auditor_.redactor().command(started.command);
  }
  if (operation_ == "run") {
    profile_ = name(started.permissions.profile);
  }
  if (terminal_) {
    auditor_.record(event(Kind::SessionAttached));
  }
  if (!detached_ && !terminal_) {
    auditor_.running_.push_back(this);
    watched_ = std::prev(auditor_.running_.end());
    if (auditor_.running_.size() == 1) {
      auditor_.begun_.notifyAll();
    }
  }
}

void CommandRecord::ended(const RunResult& result) {
  told_ = true;
  Event done = event(Kind::CommandExecuted);
  if (detached_) {
    auditor_.record(done.null("exit_code").text("outcome", "detached"));
    return;
  }
  addOutcome(done, result.outcome);
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(auditor_.clock().steady() - begun_);
  auditor_.record(done.number("duration_ms", took.count()));
}

void CommandRecord::left(const JobView& job, const std::string& uuid) {
  told_ = true;
  sandbox_ = job.sandbox;
  uuid_ = uuid;
  auditor_.record(event(Kind::CommandStarted).text("job", job.record.id));
}

void CommandRecord::failed(const Error& error, const std::string& uuid) {
  told_ = true;
  auditor_.refused(caller_, {operation_, sandbox_, uuid_.empty() ? uuid : uuid_, &command_, {}},
                   error);
}

}  // namespace ak::manager
