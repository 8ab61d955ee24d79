#pragma once

#include <vector>

#include "launch/host.h"
#include "model/box.h"

// Disk limits of boxes. One-shot: the size of its tmpfs. Durable (BoxRoot::writable): an ext4 image
// in that directory, which the daemon made because a limit was asked for (model::kDiskImage); else
// a project quota, where the file system enforces those and we are root.
namespace ak::launch {

// Puts the limit in force and says how: a durable layer that nobody limited has `none`. Unsupported
// when an explicit one cannot hold; one that is only a profile's default is `unenforced` then.
Status limitDisk(const Host& host,
                 const model::BoxSpec& spec,
                 std::vector<model::EnforcedLimit>& enforced);

// The directory of a durable writable layer, twice: as it is, and as a detached mount for idmap().
struct DurableLayer {
  sys::OwnedFd raw;
  sys::OwnedFd mount;
};

Result<DurableLayer> openDurableLayer(const model::HostPath& path);

// A frozen one as a detached read-only mount of its own.
Result<sys::OwnedFd> openFrozenLayer(const model::HostPath& path);

}  // namespace ak::launch
