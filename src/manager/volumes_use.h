#pragma once

#include "manager/lifecycle.h"
#include "manager/volumes.h"

namespace ak::manager {

// Volumes over their keeper, the store (the step that counts), the backend (limits) and their
// directories.
class DaemonVolumes final : public Volumes {
 public:
  DaemonVolumes(const Foundation& foundation, VolumeKeeper& keeper)
      : foundation_(foundation), keeper_(keeper) {}

  net::Task<Result<View>> create(std::string slug, std::uint64_t size_bytes) override;
  net::Task<std::vector<View>> list() override;
  net::Task<Result<View>> get(std::string slug) override;
  net::Task<Status> remove(std::string slug) override;

 private:
  net::Task<Result<View>> createNow(model::VolumeRecord volume);
  net::Task<Status> makeAndSave(model::VolumeRecord& volume);
  net::Task<Status> limit(model::VolumeRecord& volume, const std::string& path);
  net::Task<Status> removeNow(std::string slug);
  net::Task<View> viewOf(model::VolumeRecord volume, UsageBudget& budget);
  std::optional<VolumeUsage> count(const model::VolumeRecord& volume, UsageBudget& budget);
  void step(std::string_view done) const;

  const Foundation& foundation_;
  VolumeKeeper& keeper_;
};

}  // namespace ak::manager
