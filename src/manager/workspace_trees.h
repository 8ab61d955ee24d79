#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "manager/changes.h"
#include "manager/writable_layer.h"

namespace ak::manager {

// Both sides of a copy-on-write workspace, open, with the backend's help for what belongs to a
// guest's other users. To be destroyed on a worker.
struct WorkspaceTrees {
  WorkspaceLayers uppers;
  sys::OwnedFd lower;
  std::vector<std::unique_ptr<backend::TreeAid>> aids;  // of each upper; may be null

  ChangeTrees view() const;
};

// Blocking.
Result<WorkspaceTrees> openTrees(backend::Backend& backend,
                                 WorkspaceLayers uppers,
                                 const std::string& workspace_path);

}  // namespace ak::manager
