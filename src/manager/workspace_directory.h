#pragma once

#include <string>

#include "base/result.h"
#include "model/box.h"
#include "model/run_request.h"
#include "sys/owned_fd.h"

// The host directory that a sandbox sees as /workspace. Blocking.
namespace ak::manager {

struct WorkspaceDirectory {
  model::HostPath host;  // canonical path and identity
  std::uint32_t owner_uid = 0;
  std::uint32_t owner_gid = 0;
};

// A path that was recorded as canonical must not lead through a link that came since.
enum class Links { Resolve, Refuse };

// Resolves links in `path` once and takes the identity of what was found; from here on the
// directory is known by that.
Result<WorkspaceDirectory> lookAtWorkspace(const std::string& path, Links links = Links::Resolve);
// The directory that a client names. Conflict when it is not the one that the client stands in.
Result<WorkspaceDirectory> lookAtWorkspace(const model::WorkspaceRequest& request);

// Opens a recorded workspace again, by its canonical path: no link may have come into it since.
Result<sys::OwnedFd> openWorkspace(const std::string& canonical_path);

}  // namespace ak::manager
