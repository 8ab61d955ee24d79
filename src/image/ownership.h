#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/result.h"

namespace ak::image {

// A box maps exactly these ids; more could not be shown to it.
inline constexpr std::uint64_t kMaxId = 65535;
inline constexpr std::uint32_t kNobody = 65534;

struct Ownership {
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  mode_t mode = 0644;  // permission bits and the sticky bit; set-id bits are dropped
};

// True when this process can give files away: else everything in its layers is its own, and a box
// with one mapped id shows all of it as root's.
bool canChown();

// Owner first, mode second: chown(2) clears bits of the mode. Ids above kMaxId become kNobody.
// Where files cannot be given away, directories keep u+rwx, so that we can remove them again.
Status applyOwnership(int fd, Ownership owner);

// For a symbolic link dir_fd/name, which has an owner but no mode.
Status applyLinkOwnership(int dir_fd, const char* name, Ownership owner);

}  // namespace ak::image
