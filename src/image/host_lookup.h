#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/box.h"

namespace ak::image {

// Looks names up in a root that is one layer with binds over it, as a process inside would: links
// stay inside, also absolute ones. Nothing is opened but scripts, to read their first line.
class RootLookup {
 public:
  explicit RootLookup(const model::BoxRoot& root);

  // The real path inside the root; nullopt when there is none (or over 40 links, as in the kernel).
  std::optional<std::string> resolve(std::string_view path) const;
  // Whether the file at this absolute path can be executed by anybody, and if it is a script,
  // whether its interpreter can.
  bool runnable(std::string_view path) const;

 private:
  bool runnableAtDepth(std::string_view path, int depth) const;
  // Where the already resolved path is on this machine.
  std::string hostPath(const std::string& resolved) const;

  const model::BoxRoot& root_;
};

}  // namespace ak::image
