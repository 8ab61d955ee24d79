#include "manager/audited_jobs.h"

#include <csignal>

#include "base/text.h"
#include "manager/operation_record.h"
#include "manager/watched_sink.h"

namespace ak::manager {

net::Task<Result<JobView>> AuditedJobs::start(Caller caller,
                                              std::string sandbox,
                                              model::ExecRequest request) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> known = co_await inner_.get(sandbox);
  const std::string uuid = known ? known->record.uuid : "";
  CommandRecord record(auditor_, caller_,
                       {.operation = "exec",
                        .sandbox = sandbox,
                        .command = request.command,
                        .environment = request.environment,
                        .detached = true,
                        .as_root = request.sudo});
  Result<JobView> started =
      co_await inner_.jobs().start(caller, std::move(sandbox), std::move(request));
  if (started) {
    record.left(*started, uuid);
  } else {
    record.failed(started.error(), uuid);
  }
  co_return started;
}

namespace {

// One client's time in a session, from its joining to however it leaves: a coroutine that is
// cancelled takes this with it.
class SessionRecord {
 public:
  SessionRecord(Auditor& auditor, const Caller& caller)
      : auditor_(auditor), caller_(caller), begun_(auditor.clock().steady()) {}

  ~SessionRecord() {
    if (!id_.empty()) {
      audit::Event event = auditor_.about(audit::Kind::SessionDetached, caller_);
      addSandbox(event, "sandbox", sandbox_, uuid_).text("session", id_).text("outcome", outcome_);
      if (exit_code_) {
        event.number("exit_code", *exit_code_);
      }
      const auto took =
          std::chrono::duration_cast<std::chrono::milliseconds>(auditor_.clock().steady() - begun_);
      auditor_.record(event.number("duration_ms", took.count()));
    }
  }

  SessionRecord(const SessionRecord&) = delete;
  SessionRecord& operator=(const SessionRecord&) = delete;

  bool joined() const { return !id_.empty(); }

  void join(const ExecSink::Started& started,
            bool fresh,
            const std::vector<std::string>& variables,
            bool as_root) {
    id_ = started.session;
    sandbox_ = started.sandbox;
    uuid_ = started.uuid;
    audit::Event event = auditor_.about(audit::Kind::SessionAttached, caller_);
    addSandbox(event, "sandbox", sandbox_, uuid_)
        .command(started.command, auditor_.redactor())
        .text("session", id_);
    if (fresh) {
      event.flag("new", true);
    }
    if (as_root) {
      event.flag("sudo", true);
    }
    if (!variables.empty()) {
      event.texts("env", variables);
    }
    auditor_.record(event);
  }

  void end(const Result<JobView>& result) {
    if (result) {
      outcome_ = "ended";
      exit_code_ =
          result->record.outcome ? std::optional(result->record.outcome->exit_code) : std::nullopt;
    } else {
      outcome_ = result.error().code == ErrorCode::Cancelled
                     ? "left"
                     : errorCodeInfo(result.error().code).name;
    }
  }

 private:
  Auditor& auditor_;
  const Caller caller_;
  const SteadyTime begun_;
  std::string id_;
  std::string sandbox_;
  std::string uuid_;
  std::string_view outcome_ = "interrupted";
  std::optional<int> exit_code_;
};

}  // namespace

net::Task<Result<JobView>> AuditedJobs::attach(Caller caller,
                                               std::string sandbox,
                                               model::AttachRequest request,
                                               ExecSink& sink) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> known = co_await inner_.get(sandbox);
  const bool fresh = request.session.empty();
  const bool as_root = request.start.sudo;
  const audit::RedactedCommand command = auditor_.redactor().command(request.start.command);
  const std::vector<std::string> variables = namesOf(request.start.environment);
  SessionRecord record(auditor_, caller_);
  WatchedSink watched(sink, [&](const ExecSink::Started& started) {
    record.join(started, fresh, variables, as_root);
  });
  Result<JobView> result =
      co_await inner_.jobs().attach(caller, sandbox, std::move(request), watched);
  if (record.joined()) {
    record.end(result);
  } else if (!result) {
    auditor_.refused(caller_, {"attach", sandbox, known ? known->record.uuid : "", &command, {}},
                     result.error());
  }
  co_return result;
}

net::Task<Result<JobView>> AuditedJobs::recorded(std::string sandbox,
                                                 std::string id,
                                                 int signal,
                                                 Sent sent) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> known = co_await inner_.get(sandbox);
  OperationRecord record(
      auditor_, caller_,
      OperationRecord::aboutSandbox(audit::Kind::JobSignalled, "signal", sandbox, known));
  Result<JobView> done = co_await std::move(sent);
  if (done) {
    record.done(record.event().text("job", id).number("signal", signal));
  } else {
    record.failed(done.error());
  }
  co_return done;
}

net::Task<Result<JobView>> AuditedJobs::signal(std::string sandbox, std::string id, int signal) {
  return recorded(sandbox, id, signal, inner_.jobs().signal(sandbox, id, signal));
}

net::Task<Result<JobView>> AuditedJobs::kill(std::string sandbox,
                                             std::string id,
                                             std::chrono::milliseconds grace) {
  return recorded(sandbox, id, SIGKILL, inner_.jobs().kill(sandbox, id, grace));
}

}  // namespace ak::manager
