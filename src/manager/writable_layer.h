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
// The upper layer of the workspace's overlay, through a mount of our own (attached nowhere) where
// it is in a disk image; NotFound when the sandbox never had one.
Result<sys::OwnedFd> openWorkspaceLayer(const std::string& directory);
// Removes the sandbox's directory; the guest made what is in it, so nothing in it is followed.
Status removeWritableLayer(const std::string& state_directory, const std::string& uuid);

// The uuids of all that have a directory.
Result<std::vector<std::string>> listWritableLayers(const std::string& state_directory);

// An existing directory, by the identity that the launcher checks.
Result<model::HostPath> hostPathOf(const std::string& path);

}  // namespace ak::manager
