#include "manager/workspace_trees.h"

#include "manager/workspace_directory.h"

namespace ak::manager {

Result<WorkspaceTrees> openTrees(backend::Backend& backend,
                                 WorkspaceLayers uppers,
                                 const std::string& workspace_path) {
  WorkspaceTrees trees;
  trees.uppers = std::move(uppers);
  trees.lower = AK_TRY(openWorkspace(workspace_path));
  for (const sys::OwnedFd& upper : trees.uppers.all) {
    trees.aids.push_back(backend.treeAid(upper.get()));
  }
  return trees;
}

ChangeTrees WorkspaceTrees::view() const {
  ChangeTrees view{{}, {lower.get()}};
  for (std::size_t i = 0; i < uppers.all.size(); ++i) {
    view.uppers.push_back({uppers.all[i].get(), aids[i].get()});
  }
  return view;
}

}  // namespace ak::manager
