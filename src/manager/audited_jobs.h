#pragma once

#include "manager/auditor.h"
#include "manager/jobs.h"
#include "manager/manager.h"

namespace ak::manager {

// Detached commands as one caller sees them: who starts one, who joins and leaves a
// session and who signals is recorded. How it
// ends the Witness is told; asking is not recorded.
class AuditedJobs final : public Jobs {
 public:
  AuditedJobs(Manager& inner, Auditor& auditor, Caller caller)
      : inner_(inner), auditor_(auditor), caller_(caller) {}

  net::Task<Result<JobView>> start(Caller caller,
                                   std::string sandbox,
                                   model::ExecRequest request) override;
  net::Task<Result<JobView>> attach(Caller caller,
                                    std::string sandbox,
                                    model::AttachRequest request,
                                    ExecSink& sink) override;
  net::Task<Result<JobView>> signal(std::string sandbox, std::string id, int signal) override;
  net::Task<Result<JobView>> kill(std::string sandbox,
                                  std::string id,
                                  std::chrono::milliseconds grace) override;

  net::Task<Result<std::vector<JobView>>> list(std::string sandbox) override {
    return inner_.jobs().list(std::move(sandbox));
  }

  net::Task<Result<JobView>> get(std::string sandbox, std::string id) override {
    return inner_.jobs().get(std::move(sandbox), std::move(id));
  }

  net::Task<Result<JobOutput>> logs(std::string sandbox,
                                    std::string id,
                                    JobLogRequest request) override {
    return inner_.jobs().logs(std::move(sandbox), std::move(id), request);
  }

  net::Task<Result<JobView>> follow(std::string sandbox,
                                    std::string id,
                                    JobLogRequest request,
                                    JobSink sink) override {
    return inner_.jobs().follow(std::move(sandbox), std::move(id), request, std::move(sink));
  }

 private:
  using Sent = net::Task<Result<JobView>>;

  net::Task<Result<JobView>> recorded(std::string sandbox, std::string id, int signal, Sent sent);

  Manager& inner_;
  Auditor& auditor_;
  const Caller caller_;
};

}  // namespace ak::manager
