#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

// Service::Stats. Open with an empty payload; Reply{GuestStats}, Close. What the agent sees in its
// /proc: the host's own cgroup numbers are better where there are any.
namespace ak::wire {

struct GuestStats {
  std::uint64_t memory_bytes = 0;  // resident, summed over processes; shared pages count twice
  std::uint64_t cpu_us = 0;        // user and system, of those alive and of those the agent reaped
  std::uint32_t processes = 0;     // the agent included
  std::uint32_t execs = 0;         // running now
  std::uint64_t uptime_ms = 0;     // of the agent
  std::uint64_t agent_bytes = 0;   // resident, of the agent itself
  bool operator==(const GuestStats&) const = default;
};

std::string encode(const GuestStats& stats);
Result<GuestStats> decodeGuestStats(std::string_view text);

}  // namespace ak::wire
