#pragma once

#include <string>

#include "base/clock.h"
#include "model/sandbox.h"

namespace ak::model {

// What a sandbox was at one moment. The layers that hold its files are immutable and shared with
// every sandbox and snapshot that names them.
struct SnapshotRecord {
  std::string name;
  WallTime created_at{};
  // The sandbox as it was: image, permissions, environment, layers, labels. Nothing of its box and
  // of its lifetime.
  SandboxRecord source;
  bool operator==(const SnapshotRecord&) const = default;
};

}  // namespace ak::model
