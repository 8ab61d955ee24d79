#pragma once

#include <cstddef>
#include <cstdint>

#include "os/route.h"

// The process between launcher and pasta; child-safe.
namespace ak::launch {

inline constexpr const char* kPasta = "/usr/bin/pasta";
// In scratch, the working directory of launcher and helper.
inline constexpr const char* kNamespacePlace = "netns";
inline constexpr const char* kTunPlace = "tun";

struct HelperPlan {
  int groups[4] = {};
  std::size_t group_count = 0;
  int user_namespace = -1;
  int network_namespace = -1;
  int box = -1;               // pidfd of the box's process 1
  int log = -1;               // pasta's stderr
  int null = -1;              // its other streams
  const char* tun = nullptr;  // shown as /dev/net/tun; nullptr: the host's own
  // Out of reach whatever the host's own addresses are.
  const os::Address* closed = nullptr;
  std::size_t closed_count = 0;
  std::uint32_t id = 0;  // user and group in the box's namespace that pasta runs as
};

// Process 1 of a process namespace, in a mount namespace of its own. Moves into the box's cgroup,
// gives up the host's rights for two capabilities in the box's user namespace, and starts pasta
// once the closed addresses and the host's own are out of the box's reach. Then it lives in the
// box's network namespace with CAP_NET_ADMIN there and closes what addresses the host gets (it is
// not the launcher that does: a later one, without root, may not enter the boxes of the first). It
// ends, and pasta with it, when the box ends, pasta does, or an address cannot be closed.
[[noreturn]] void runHelper(const HelperPlan& plan);

}  // namespace ak::launch
