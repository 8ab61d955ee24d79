#pragma once

#include "manager/job_keeper.h"
#include "manager/jobs.h"
#include "manager/lifecycle.h"
#include "manager/lifetimes.h"
#include "manager/planner.h"

namespace ak::manager {

// Jobs over the lifecycle's sandboxes and its JobKeeper.
class SandboxJobs final : public Jobs {
 public:
  SandboxJobs(const Foundation& foundation,
              Planner& planner,
              Lifecycle& lifecycle,
              Lifetimes& lifetimes)
      : foundation_(foundation), planner_(planner), lifecycle_(lifecycle), lifetimes_(lifetimes) {}

  net::Task<Result<JobView>> start(Caller caller,
                                   std::string sandbox,
                                   model::ExecRequest request) override;
  net::Task<Result<JobView>> attach(Caller caller,
                                    std::string sandbox,
                                    model::AttachRequest request,
                                    ExecSink& sink) override;
  net::Task<Result<std::vector<JobView>>> list(std::string sandbox) override;
  net::Task<Result<JobView>> get(std::string sandbox, std::string id) override;
  net::Task<Result<JobOutput>> logs(std::string sandbox,
                                    std::string id,
                                    JobLogRequest request) override;
  net::Task<Result<JobView>> follow(std::string sandbox,
                                    std::string id,
                                    JobLogRequest request,
                                    JobSink sink) override;
  net::Task<Result<JobView>> signal(std::string sandbox, std::string id, int signal) override;
  net::Task<Result<JobView>> kill(std::string sandbox,
                                  std::string id,
                                  std::chrono::milliseconds grace) override;

 private:
  struct Found {
    SandboxPtr sandbox;
    model::JobRecord record;

    JobView view() && { return {sandbox->record.name, std::move(record)}; }
  };

  struct Showing;

  net::Task<Result<model::JobRecord>> begin(SandboxPtr sandbox,
                                            model::JobRecord job,
                                            wire::ExecRequest request);
  net::Task<Result<model::JobRecord>> newSession(Caller caller,
                                                 SandboxPtr sandbox,
                                                 model::ExecRequest request);
  net::Task<Result<model::JobRecord>> findSession(Caller caller,
                                                  SandboxPtr sandbox,
                                                  std::string id);
  net::Task<Status> show(Showing& showing);
  net::Task<Result<Found>> find(const std::string& sandbox, std::string id);
  net::Task<Result<Found>> again(Found found);
  net::Task<Result<JobPiece>> read(const model::JobRecord& job,
                                   JobChannel channel,
                                   std::uint64_t offset);

  const Foundation& foundation_;
  Planner& planner_;
  Lifecycle& lifecycle_;
  Lifetimes& lifetimes_;
};

}  // namespace ak::manager
