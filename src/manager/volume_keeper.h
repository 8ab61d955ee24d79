#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "manager/layer_keeper.h"
#include "manager/sandbox_table.h"
#include "manager/volumes.h"
#include "model/box.h"
#include "net/loop.h"
#include "observe/log.h"
#include "store/sandbox_store.h"

namespace ak::manager {

// Which volumes there are and who names them. A sandbox names its volumes from the moment it is in
// the table, without a suspension between the look for the volume and that; so one that is being
// removed is found by nobody, and one that is found is not removed. All on the loop.
class VolumeKeeper {
 public:
  struct Parts {
    net::WorkerPool& workers;
    net::WorkerPool& store_worker;
    backend::Backend& backend;
    store::SandboxStore& store;
    const Clock& clock;
    const observe::Log& log;
    const SandboxTable& table;
    const LayerKeeper& layers;
    std::string state_directory;
  };

  explicit VolumeKeeper(Parts parts) : parts_(std::move(parts)) {}

  // Reads the books, and finishes or undoes what the last daemon had begun.
  net::Task<Status> recover();

  // A record that cannot be read may name any: then none is removed.
  void keepAll() { keep_all_ = true; }

  // For a new sandbox: each slug's volume. NotFound with the remedy; Unsupported where the backend
  // has none.
  Result<std::vector<model::VolumeMount>> resolve(std::vector<model::VolumeMount> mounts) const;
  // For a sandbox made from another: NotFound unless these volumes are still there.
  Status check(const std::vector<model::VolumeMount>& mounts) const;
  // For a start. What vanished is an error, and nothing is made in its place.
  Result<std::vector<model::BoxVolume>> forBox(const std::vector<model::VolumeMount>& mounts) const;
  // A sandbox was started with them.
  void used(const std::vector<model::VolumeMount>& mounts);
  // When they were last used; at times, and at the daemon's end.
  net::Task<void> saveStamps();

  Result<model::VolumeRecord> find(std::string_view slug) const;

  const std::map<std::string, model::VolumeRecord, std::less<>>& all() const { return volumes_; }

  std::vector<Volumes::User> usersOf(const model::VolumeRecord& volume) const;

  // A run is answered while its sandbox still ends: until none of those names the volume.
  net::Task<void> untilEnded(std::string slug) const;

  // A slug that nobody else can take or find until it is added or released, and a number for quotas
  // that is free. AlreadyExists.
  Result<std::uint32_t> reserve(const std::string& slug);
  void release(const std::string& slug);
  void add(model::VolumeRecord volume);
  // Conflict while somebody names it. It is reserved from here on.
  Result<model::VolumeRecord> takeOut(std::string_view slug);

  // Of what is no volume, or no longer; a failure is logged, and tried again by the next daemon.
  net::Task<void> removeDirectory(std::string name);

 private:
  const model::VolumeRecord* byUuid(const model::VolumeMount& mount) const;
  std::uint32_t freeProject() const;

  const Parts parts_;
  std::map<std::string, model::VolumeRecord, std::less<>> volumes_;  // by slug
  std::map<std::string, std::uint32_t> reserved_;  // slugs being made or removed: their projects
  std::set<std::string> unsaved_;                  // slugs whose stamps are newer than the store's
  bool keep_all_ = false;
};

}  // namespace ak::manager
