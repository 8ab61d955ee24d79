#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/sandbox.h"
#include "model/snapshot.h"
#include "store/database.h"
#include "store/job_store.h"
#include "store/volume_store.h"

namespace ak::store {

// The durable lists of sandboxes and of their snapshots. Blocking (about 0.15 ms for a write, which
// survives a power cut when the call returns); one caller at a time.
class SandboxStore {
 public:
  static Result<SandboxStore> open(const std::string& path);

  struct Loaded {
    std::vector<model::SandboxRecord> records;
    // Rows that could not be read: {uuid, why}. They stay in the database and are reported; nothing
    // of theirs is touched.
    std::vector<std::pair<std::string, std::string>> unreadable;
  };

  Result<Loaded> load();

  // Did the last daemon end in order, so that all it knew is here? Asking takes the mark away.
  Result<bool> takeOrderlyEnd();
  Status markOrderlyEnd();

  // AlreadyExists when the name is taken.
  Status insert(const model::SandboxRecord& record);
  // NotFound when there is no such uuid.
  Status update(const model::SandboxRecord& record);
  // All or none, at the price of one.
  Status update(const std::vector<model::SandboxRecord>& records);
  // With its jobs.
  Status remove(const std::string& uuid);

  struct LoadedSnapshots {
    std::vector<model::SnapshotRecord> records;
    std::vector<std::pair<std::string, std::string>> unreadable;  // {name, why}, as above
  };

  Result<LoadedSnapshots> loadSnapshots();
  Status removeSnapshot(const std::string& name);

  // What a step in the life of layers changes at once: records that name others than before, and
  // who comes new. All or none. AlreadyExists when a name is taken, NotFound for one to be updated
  // that is not there.
  struct LayerStep {
    std::vector<model::SandboxRecord> updated;
    std::vector<model::SnapshotRecord> updated_snapshots;
    std::vector<model::SandboxRecord> made;
    std::vector<model::SnapshotRecord> taken;
    std::vector<std::string> removed;  // uuids; those that are not there are no error
    std::vector<std::string> removed_snapshots;
  };

  Status commit(const LayerStep& step);

  JobStore& jobs() { return jobs_; }

  VolumeStore& volumes() { return volumes_; }

 private:
  Status insertSnapshot(const model::SnapshotRecord& snapshot);
  Status updateSnapshot(const model::SnapshotRecord& snapshot);

  struct Parts {
    Statement insert;
    Statement update;
    Statement remove;
    JobStore jobs;
    VolumeStore volumes;
  };

  SandboxStore(Database database, Parts parts);

  Database database_;
  Statement insert_;
  Statement update_;
  Statement remove_;
  JobStore jobs_;
  VolumeStore volumes_;
};

}  // namespace ak::store
