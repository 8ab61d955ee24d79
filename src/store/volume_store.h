#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/volume.h"
#include "store/database.h"

namespace ak::store {

// The volumes: what the rows do not name does not exist. Blocking like SandboxStore, by which it is
// owned and whose one caller at a time is also its own.
class VolumeStore {
 public:
  static Result<VolumeStore> open(Database& database);

  // By slug.
  Result<std::vector<model::VolumeRecord>> load();
  // AlreadyExists when the slug is taken.
  Status insert(const model::VolumeRecord& volume);
  // When it was last used, and how often; of one that is gone it is no error.
  Status saveUse(const model::VolumeRecord& volume);
  // Missing is success.
  Status remove(const std::string& uuid);

 private:
  VolumeStore(Statement load, Statement insert, Statement use, Statement remove)
      : load_(std::move(load)),
        insert_(std::move(insert)),
        use_(std::move(use)),
        remove_(std::move(remove)) {}

  Statement load_;
  Statement insert_;
  Statement use_;
  Statement remove_;
};

}  // namespace ak::store
