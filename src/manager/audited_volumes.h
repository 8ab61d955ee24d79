#pragma once

#include "manager/auditor.h"
#include "manager/manager.h"
#include "manager/volumes.h"

namespace ak::manager {

// Volumes as one caller sees them (audited_manager.h). References outlive it.
class AuditedVolumes final : public Volumes {
 public:
  AuditedVolumes(Manager& inner, Auditor& auditor, Caller caller)
      : inner_(inner), auditor_(auditor), caller_(caller) {}

  net::Task<Result<View>> create(std::string slug, std::uint64_t size_bytes) override;
  net::Task<Status> remove(std::string slug) override;

  net::Task<std::vector<View>> list() override { return inner_.volumes().list(); }

  net::Task<Result<View>> get(std::string slug) override {
    return inner_.volumes().get(std::move(slug));
  }

 private:
  Manager& inner_;
  Auditor& auditor_;
  const Caller caller_;
};

}  // namespace ak::manager
