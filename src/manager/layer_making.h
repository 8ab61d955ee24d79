#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "manager/lifecycle.h"

// Frozen layers that are made of other layers. Each is filled where nobody names it yet: one that a
// daemon's end left half made is removed by the next.
namespace ak::manager {

// The writable directory of a running sandbox, whose processes stand still meanwhile: how long.
net::Task<Result<std::chrono::microseconds>> copyWritable(const Foundation& foundation,
                                                          std::string uuid,
                                                          std::string layer);

struct Squash {
  std::vector<std::string> layers;  // top first
  // What they lie on, so that they are merged as it needs: its image's layers, or its workspace.
  model::SandboxRecord like;
  const char* part = nullptr;        // kRootLayer or kWorkspaceLayer (model/layer_names.h)
  std::vector<std::string> without;  // paths to leave out
};

// One layer with this part that shows what they show together; its files are theirs, by link. False
// when none of them has the part: then nothing was made.
net::Task<Result<bool>> squashLayers(const Foundation& foundation,
                                     Squash squash,
                                     std::string layer);

}  // namespace ak::manager
