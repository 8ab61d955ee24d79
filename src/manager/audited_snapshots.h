#pragma once

#include "manager/auditor.h"
#include "manager/manager.h"
#include "manager/snapshots.h"

namespace ak::manager {

// Snapshots as one caller sees them (audited_manager.h). References outlive it.
class AuditedSnapshots final : public Snapshots {
 public:
  AuditedSnapshots(Manager& inner, Auditor& auditor, Caller caller)
      : inner_(inner), auditor_(auditor), caller_(caller) {}

  net::Task<Result<Taken>> take(std::string sandbox, std::string name) override;
  net::Task<Status> remove(std::string name) override;
  net::Task<Result<SandboxView>> restore(std::string name, std::string as) override;
  net::Task<Result<Forked>> makeFork(std::string sandbox, std::string child) override;

  net::Task<std::vector<model::SnapshotRecord>> list() override {
    return inner_.snapshots().list();
  }

  net::Task<Result<model::SnapshotRecord>> get(std::string name) override {
    return inner_.snapshots().get(std::move(name));
  }

 private:
  Manager& inner_;
  Auditor& auditor_;
  const Caller caller_;
};

}  // namespace ak::manager
