#pragma once

#include <memory>

#include "manager/files_use.h"
#include "manager/jobs_use.h"
#include "manager/lifecycle.h"
#include "manager/lifetimes.h"
#include "manager/manager.h"
#include "manager/planner.h"
#include "manager/snapshots_use.h"
#include "manager/state_import_use.h"
#include "manager/volumes_use.h"

namespace ak::manager {

// The use cases over Lifecycle (begin and end) and Planner (what may be). One file per group:
// run.cc, changes_use.cc, upkeep_use.cc, verify.cc, daemon_manager.cc.
class DaemonManager final : public Manager {
 public:
  DaemonManager(const Foundation& foundation, Planner& planner);

  // Before the first request.
  net::Task<Status> recover();
  // After the last one: one-shot sandboxes end, kept ones live on.
  net::Task<void> close();

  net::Task<Result<RunResult>> run(Caller caller,
                                   model::RunRequest request,
                                   ExecSink& sink) override;
  net::Task<Result<RunResult>> exec(Caller caller,
                                    std::string name,
                                    model::ExecRequest request,
                                    ExecSink& sink) override;
  net::Task<Result<SandboxView>> create(Caller caller, model::RunRequest request) override;
  net::Task<Result<SandboxView>> start(std::string name) override;
  net::Task<Result<SandboxView>> stop(std::string name) override;
  net::Task<Status> remove(std::string name) override;
  net::Task<Result<SandboxView>> update(std::string name, SandboxUpdate update) override;
  net::Task<Result<Resized>> resize(std::string name, model::AskedLimits limits) override;
  net::Task<Result<SandboxView>> extend(std::string name, std::uint64_t seconds) override;
  net::Task<Result<SandboxView>> archive(std::string name, std::string reason) override;
  net::Task<Result<SandboxView>> unarchive(std::string name) override;
  net::Task<Collected> collect(CollectRequest request) override;
  net::Task<Reconciled> reconcile(bool dry_run) override;
  net::Task<std::vector<SandboxView>> list(LabelFilter labels) override;
  net::Task<Result<SandboxView>> get(std::string name_or_uuid) override;
  net::Task<std::vector<Usage>> usage() override;
  net::Task<Result<std::string>> logs(std::string name) override;
  net::Task<Result<std::string>> followLogs(std::string name, LogSink sink) override;
  net::Task<Result<StateImported>> importState(Caller caller, StateImportRequest request) override;
  net::Task<Result<std::vector<model::Change>>> changes(std::string name,
                                                        std::vector<std::string> paths) override;
  net::Task<Result<std::string>> diff(std::string name, std::vector<std::string> paths) override;
  net::Task<Result<std::vector<model::Change>>> apply(std::string name,
                                                      std::vector<std::string> paths,
                                                      ApplyForce protected_too) override;
  net::Task<Status> discard(std::string name, std::vector<std::string> paths) override;
  net::Task<Result<std::vector<VerifyCheck>>> verify(std::string name) override;

  Files& files() override { return files_; }

  Jobs& jobs() override { return jobs_; }

  Snapshots& snapshots() override { return snapshots_; }

  Volumes& volumes() override { return volumes_; }

  Overview overview() const override;

 private:
  struct RunState;

  void tellEnd(const Sandbox& sandbox, const model::ExecOutcome& outcome) const;
  net::Task<Result<model::ExecOutcome>> carry(RunState& state, ExecSink& sink);
  Result<model::ExecOutcome> orTimedOut(const SandboxPtr& sandbox,
                                        Result<model::ExecOutcome> outcome);
  static wire::ExecRequest commandOf(const RunState& state);
  net::Task<Status> startCommand(RunState& state);
  net::Task<Result<std::vector<model::Change>>> changesIn(SandboxPtr sandbox,
                                                          std::vector<std::string> paths);
  net::Task<Result<std::string>> detachCommand(RunState& state);

  const Foundation& foundation_;
  Planner& planner_;
  Lifecycle lifecycle_;
  Lifetimes lifetimes_;
  SandboxFiles files_;
  SandboxJobs jobs_;
  SandboxSnapshots snapshots_;
  StateImport import_;
  DaemonVolumes volumes_;
  net::TaskGroup upkeep_;
};

SandboxView viewOf(const Sandbox& sandbox);

}  // namespace ak::manager
