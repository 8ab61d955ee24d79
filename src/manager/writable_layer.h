#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/box.h"
#include "sys/owned_fd.h"

// The directory of a durable sandbox: <state>/sandboxes/<uuid>/ with layer/ (the launcher fills it
// with upper and work directories) and the output log. Blocking.
namespace ak::manager {

Status makeWritableLayer(const std::string& directory);
Result<model::HostPath> writableLayerOf(const std::string& directory);

// The writable layers of a workspace's overlay, top first.
struct WorkspaceLayers {
  std::vector<sys::OwnedFd> all;  // at least one
  bool has_own = false;           // the first is the sandbox's own; all others are frozen
};

// Through mounts of our own (attached nowhere) where they are in disk images. `directory` is the
// sandbox's, `frozen` are layer directories (frozen_layers.h). NotFound when there is none yet.
Result<WorkspaceLayers> openWorkspaceLayers(const std::string& directory,
                                            const std::vector<std::string>& frozen);
// Removes the sandbox's directory; the guest made what is in it, so nothing in it is followed.
Status removeWritableLayer(const std::string& state_directory, const std::string& uuid);

// The uuids of all that have a directory. Other implementations keep their files in the same place:
// what is not named like a sandbox of ours is not ours.
Result<std::vector<std::string>> listWritableLayers(const std::string& state_directory);

// An existing directory, by the identity that the launcher checks.
Result<model::HostPath> hostPathOf(const std::string& path);

}  // namespace ak::manager
