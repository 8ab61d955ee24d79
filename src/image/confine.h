#pragma once

#include <cstdint>

#include "base/result.h"

// The cage of the unpack helper, in two halves: namespaces and mounts before the fork that makes
// the first process of the pid namespace, the rest in that process.
namespace ak::image {

// New user (unless root), mount, pid, network and ipc namespaces; the directory `target_fd` becomes
// the root file system, mounted nodev, nosuid, noexec: a device node made in it opens nothing. All
// descriptors above `last_fd` are closed. Dies when the reader of `result_fd` does.
struct CageSpec {
  int target_fd = -1;
  int result_fd = -1;
  int last_fd = -1;
  std::uint64_t max_file_bytes = 0;
};

Status buildCage(const CageSpec& spec);

// In the child: dies with its parent; no new privileges; of the capabilities CHOWN, DAC_OVERRIDE
// and FOWNER are left (whiteouts need none, file capabilities and set-id bits are never made).
Status enterCage(int result_fd);

}  // namespace ak::image
