#pragma once

#include <map>
#include <string>

#include "manager/audited_files.h"
#include "manager/audited_jobs.h"
#include "manager/audited_snapshots.h"
#include "manager/audited_volumes.h"
#include "manager/auditor.h"
#include "manager/manager.h"

namespace ak::manager {

// The manager as one caller sees it: what it is asked for is recorded, with who asked and what
// became of it, one event per operation that changes something, runs something, or takes a file
// out. Looking (list, get, logs, changes, diff, verify) is not. Made for one request; references
// outlive it.
//
// With [audit] on_failure = "refuse" nothing of that is done while it could not be recorded.
class AuditedManager final : public Manager {
 public:
  AuditedManager(Manager& inner, Auditor& auditor, Caller caller)
      : inner_(inner),
        auditor_(auditor),
        caller_(caller),
        files_(inner, auditor, caller),
        jobs_(inner, auditor, caller),
        snapshots_(inner, auditor, caller),
        volumes_(inner, auditor, caller) {}

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
  net::Task<Result<StateImported>> importState(Caller caller, StateImportRequest request) override;
  net::Task<Result<std::vector<model::Change>>> apply(std::string name,
                                                      std::vector<std::string> paths,
                                                      ApplyForce protected_too) override;
  net::Task<Status> discard(std::string name, std::vector<std::string> paths) override;

  net::Task<std::vector<SandboxView>> list(LabelFilter labels) override {
    return inner_.list(std::move(labels));
  }

  net::Task<Result<SandboxView>> get(std::string name_or_uuid) override {
    return inner_.get(std::move(name_or_uuid));
  }

  net::Task<std::vector<Usage>> usage() override { return inner_.usage(); }

  net::Task<Result<std::string>> logs(std::string name) override {
    return inner_.logs(std::move(name));
  }

  net::Task<Result<std::string>> followLogs(std::string name, LogSink sink) override {
    return inner_.followLogs(std::move(name), std::move(sink));
  }

  net::Task<Result<std::vector<model::Change>>> changes(std::string name,
                                                        std::vector<std::string> paths) override {
    return inner_.changes(std::move(name), std::move(paths));
  }

  net::Task<Result<std::string>> diff(std::string name, std::vector<std::string> paths) override {
    return inner_.diff(std::move(name), std::move(paths));
  }

  net::Task<Result<std::vector<VerifyCheck>>> verify(std::string name) override {
    return inner_.verify(std::move(name));
  }

  Files& files() override { return files_; }

  Jobs& jobs() override { return jobs_; }

  Snapshots& snapshots() override { return snapshots_; }

  Volumes& volumes() override { return volumes_; }

  Overview overview() const override { return inner_.overview(); }

 private:
  net::Task<std::map<std::string, std::string>> uuids();

  Manager& inner_;
  Auditor& auditor_;
  const Caller caller_;
  AuditedFiles files_;
  AuditedJobs jobs_;
  AuditedSnapshots snapshots_;
  AuditedVolumes volumes_;
};

}  // namespace ak::manager
