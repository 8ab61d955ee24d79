#pragma once

#include <vector>

#include "launch/box.h"
#include "launch/host.h"

namespace ak::launch {

// What a box's child gets before it sets up.
struct RootMounts {
  sys::OwnedFd root;
  sys::OwnedFd devices;
  std::vector<sys::OwnedFd> binds;
};

// Assembles the root of `box` (id maps already written) and fills box.writable.
Result<RootMounts> assembleRoot(Host& host, const model::BoxSpec& spec, Box& box);

struct WorkspaceMounts {
  sys::OwnedFd mount;    // invalid: no workspace
  sys::OwnedFd changes;  // directory of what the guest writes, if wanted and cow
};

struct WorkspaceOwner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// Fills box.owner; costs a process, so a parked box gets it before it is claimed.
Status prepareOwner(const WorkspaceOwner& owner, Box& box);

// The workspace of a claim; reserves protected names (box.reservation).
Result<WorkspaceMounts> assembleWorkspace(Host& host, const model::BoxWorkspace& spec, Box& box);

// The volumes of a claim, as detached mounts in their order.
Result<std::vector<sys::OwnedFd>> openVolumes(Host& host,
                                              const std::vector<model::BoxVolume>& volumes,
                                              const Box& box);

// Kernels before 6.15 need the writable layer attached until the workspace is made.
void detachWritable(Host& host, const std::string& id);

}  // namespace ak::launch
