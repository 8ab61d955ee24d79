#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "manager/frozen_layers.h"
#include "manager/id_ranges.h"
#include "manager/sandbox_table.h"
#include "model/snapshot.h"
#include "net/loop.h"
#include "observe/log.h"

namespace ak::manager {

// Who stands on which frozen layer, and the end of those that nobody stands on. A layer is named by
// records of sandboxes and snapshots and held by operations under way; one that is neither is
// removed, now or by the next daemon. All on the loop.
class LayerKeeper {
 public:
  struct Parts {
    net::WorkerPool& workers;
    backend::Backend& backend;
    IdRanges& ids;
    const observe::Log& log;
    const SandboxTable& table;
    std::string state_directory;
  };

  explicit LayerKeeper(Parts parts) : parts_(std::move(parts)) {}

  // By name; as they are in the store.
  std::map<std::string, model::SnapshotRecord> snapshots;

  // Keeps layers for as long as it lives, named or not.
  class Hold {
   public:
    Hold(LayerKeeper& keeper, std::vector<std::string> layers);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    void add(const std::string& layer);

   private:
    LayerKeeper& keeper_;
    std::vector<std::string> layers_;
  };

  // After a freeze: whom its files are charged to.
  net::Task<void> meet(std::string layer);
  // The same of all that are on the disk.
  net::Task<void> meetAll();
  // Removes one that no record names, held or not. A failure is logged.
  net::Task<bool> discard(std::string layer);
  // Removes those that nobody names or holds any more. What cannot be removed is logged, and tried
  // again by the next daemon.
  net::Task<void> release(std::vector<std::string> layers);
  // Likewise of all that are on the disk. Not while a record that cannot be read may name any.
  net::Task<void> removeUnnamed();
  // Gives a removed sandbox's range of ids back, once no layer's files are charged to it.
  void giveIds(const model::IdRange& range);

 private:
  bool wanted(const std::string& layer) const;
  void charge(const std::string& layer, std::uint32_t project);
  bool rangeInUse(std::uint32_t project) const;

  const Parts parts_;
  std::multiset<std::string> held_;
  std::map<std::string, std::uint32_t> projects_;
};

// All that a record names.
std::vector<std::string> layersOf(const model::SandboxRecord& record);

}  // namespace ak::manager
