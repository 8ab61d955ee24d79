#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "launch/step.h"
#include "model/volume.h"

// The child's side of a box, from clone to exec of the agent.
namespace ak::launch {

inline constexpr std::size_t kMaxBinds = 48;
inline constexpr std::size_t kMaxTarget = 1024;
inline constexpr std::size_t kMaxVolumes = model::kMaxVolumeMounts;
inline constexpr std::size_t kMaxProtected = 16 * 1024;

// What the child knows from its birth (a copy of the launcher's memory, never written).
struct ChildPlan {
  int control = -1;  // SEQPACKET to the launcher
  int agent = -1;    // sealed memory file
  int null = -1;     // /dev/null of the host, for 0 to 2 until we have our own
  // Control groups to enter (os::BoxCgroup::entrances); empty where clone did it.
  int groups[4] = {};
  std::size_t group_count = 0;
  const char* bind_targets[kMaxBinds] = {};
  std::size_t binds = 0;
  bool read_only_root = false;
  bool has_tty_group = false;       // gid 5 is mapped
  std::uint32_t max_processes = 0;  // RLIMIT_NPROC where no cgroup counts; 0 none
  // Network `full`; without a resolver text there is none.
  const char* resolver = nullptr;  // content of /etc/resolv.conf
  std::size_t resolver_size = 0;
  const void* filter = nullptr;  // struct sock_filter[]
  std::size_t filter_size = 0;   // bytes
  std::uint64_t capabilities = 0;
};

// A packet as it goes over the socket: both ends are the same program.
template <typename Packet>
std::string_view bytesOf(const Packet& packet) {
  return {reinterpret_cast<const char*>(&packet), sizeof packet};
}

// First packet to the child: its id maps are written.
struct MappedPacket {
  std::uint32_t nothing = 0;
};

// Second packet; descriptors: root, /dev tree, binds in order.
struct SetupPacket {
  std::uint32_t binds = 0;
};

// Third packet; descriptors: agent's listening socket, then cgroup directory, count of memory
// kills and workspace mount as the flags say, then the volumes' mounts in order.
struct ClaimPacket {
  char hostname[65] = {};
  char target[kMaxTarget] = {};
  bool has_cgroup = false;
  bool has_kill_count = false;
  bool has_workspace = false;
  std::uint32_t volumes = 0;
  char volume_targets[kMaxVolumes][model::kMaxVolumePath + 1] = {};
  // Entries "d<path>\0" (bound onto itself, so that it cannot be renamed away) and "p<path>\0"
  // (bound read-only), parents before children; then "m<path>\0" (covered by something empty).
  std::uint32_t protected_size = 0;
  char protected_paths[kMaxProtected] = {};
};

// Runs all steps; returns only by exec or _exit.
[[noreturn]] void runChild(const ChildPlan& plan);

}  // namespace ak::launch
