#include "manager/audited_jobs.h"

#include <csignal>

#include "manager/operation_record.h"

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
