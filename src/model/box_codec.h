#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/box.h"

namespace ak::model {

// The packets between daemon and ak-launcher. First byte of a packet: the op; then one TLV record.
// Requests carry u64 `serial` in field 1; answers repeat it. Descriptors travel beside the packet
// in the order given here.
//
//   Hello    request {version}                      -> {version, pid, parked ids, live boxes}
//   Start    request {BoxSpec, BoxIdentity} + fds [agent listening socket]
//            -> BoxStarted + fds [pidfd, changes directory if asked]
//   Park     request {BoxSpec}                      -> {} once parked, namespaces made
//   Claim    request {parked id, BoxIdentity} + fds [agent listening socket] -> as Start
//   Discard  request {id}: ends a parked or live box -> {}
//   Resize   request {id, Limits}                   -> limits in force
//   Stats    request {id}                           -> memory, cpu, pids of its cgroup
//   Sweep    request {keep}: ends and removes what boxes of earlier launchers left behind (cgroups,
//            reserved mount points) unless their id is in `keep` -> {removed}
//   Try      request {}: makes and ends the namespaces of a box -> {}, or why that cannot be
//   Freeze   request {id}: stops the live box where it is; by itself it goes on when the daemon is
//            gone or after kLongestFreeze -> {}
//   Thaw     request {id}                           -> {}; Timeout when it went on by itself
//   Exited   event without serial {BoxExited}
//   Failed   answer {code, message, remedy, step}
enum class LauncherOp : std::uint8_t {
  Hello = 1,
  Start = 2,
  Park = 3,
  Claim = 4,
  Discard = 5,
  Resize = 6,
  Stats = 7,
  Sweep = 8,
  Try = 9,
  Freeze = 10,
  Thaw = 11,
  Exited = 32,
  Failed = 33,
  Done = 34,
};

inline constexpr std::uint32_t kLauncherVersion = 3;
inline constexpr std::chrono::seconds kLongestFreeze{30};

struct LauncherRequest {
  LauncherOp op{};
  std::uint64_t serial = 0;
  std::uint32_t version = 0;      // Hello
  std::string id;                 // Claim: the parked box; Discard, Resize, Stats
  BoxSpec spec;                   // Start, Park
  BoxIdentity identity;           // Start, Claim
  Limits limits;                  // Resize
  std::vector<std::string> keep;  // Sweep
  bool operator==(const LauncherRequest&) const = default;
};

struct LauncherReply {
  LauncherOp op{};  // Done, Failed, Exited, Hello
  std::uint64_t serial = 0;
  std::uint32_t version = 0;
  std::int32_t launcher_pid = 0;
  std::vector<std::string> live;    // Hello
  std::vector<std::string> parked;  // Hello
  IdRange ids;  // Hello: where a rootless launcher puts every box; count 0: rootful,
                // each BoxSpec brings a range of its own
  // Hello: what would hold the default limits of a box here, and what to do where nothing would.
  std::vector<EnforcedLimit> default_limits;
  std::vector<std::string> removed;  // Sweep
  BoxStarted started;
  BoxExited exited;
  BoxStats stats;
  Error error;  // Failed; message begins with the step's name
  bool operator==(const LauncherReply&) const = default;
};

// 8 to 64 of [a-z0-9-]: the id becomes a directory name in cgroupfs and in the scratch space.
Status validateBoxId(std::string_view id);

std::string encode(const LauncherRequest& request);
std::string encode(const LauncherReply& reply);
Result<LauncherRequest> decodeLauncherRequest(std::string_view packet);
Result<LauncherReply> decodeLauncherReply(std::string_view packet);

}  // namespace ak::model
