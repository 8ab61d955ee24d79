#include "manager/workspace_trees.h"

#include "manager/workspace_directory.h"

namespace ak::manager {

Result<WorkspaceTrees> openTrees(backend::Backend& backend,
                                 sys::OwnedFd upper,
                                 const std::string& workspace_path) {
  WorkspaceTrees trees;
  trees.upper = std::move(upper);
  trees.lower = AK_TRY(openWorkspace(workspace_path));
  trees.aid = backend.treeAid(trees.upper.get());
  return trees;
}

}  // namespace ak::manager
