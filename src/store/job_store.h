#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/job.h"
#include "store/database.h"

namespace ak::store {

// The jobs of the sandboxes in the store; they go with their sandbox. Blocking like SandboxStore,
// by which it is owned and whose one caller at a time is also its own.
class JobStore {
 public:
  static Result<JobStore> open(Database& database);

  struct Loaded {
    std::vector<model::JobRecord> records;                        // in the order of their starts
    std::vector<std::pair<std::string, std::string>> unreadable;  // {id, why}; they stay
  };

  // AlreadyExists when the sandbox has a job of that id; NotFound when there is no such sandbox.
  Status insert(const model::JobRecord& job);
  // NotFound when there is no such job.
  Status update(const model::JobRecord& job);
  // Missing is success.
  Status remove(const std::string& sandbox, const std::string& id);
  Result<std::optional<model::JobRecord>> find(const std::string& sandbox, const std::string& id);
  Result<Loaded> list(const std::string& sandbox);
  // Those of all sandboxes that are not known to have ended.
  Result<Loaded> running();

 private:
  JobStore(Statement insert,
           Statement update,
           Statement remove,
           Statement find,
           Statement list,
           Statement running);

  static Result<Loaded> readAll(Statement& query);

  Statement insert_;
  Statement update_;
  Statement remove_;
  Statement find_;
  Statement list_;
  Statement running_;
};

}  // namespace ak::store
