#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"
#include "manager/changes.h"

namespace ak::manager {

// Both sides of a copy-on-write workspace, open, with the backend's help for what belongs to a
// guest's other users. To be destroyed on a worker.
struct WorkspaceTrees {
  sys::OwnedFd upper;
  sys::OwnedFd lower;
  std::unique_ptr<backend::TreeAid> aid;  // may be null; borrows `upper`

  ChangeTrees view() const { return {.upper = {upper.get(), aid.get()}, .lower = {lower.get()}}; }
};

// Blocking.
Result<WorkspaceTrees> openTrees(backend::Backend& backend,
                                 sys::OwnedFd upper,
                                 const std::string& workspace_path);

}  // namespace ak::manager
