#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Service::Control. Open carries a ControlRequest; an empty Reply means done (for Shutdown: begun,
// the session ends soon after). Kinds that this agent does not serve end in Reset{unsupported}.
namespace ak::wire {

struct ControlRequest {
  // Numbers are forever. Only Shutdown and Deadline are served outside a VM.
  enum class Kind : std::uint8_t {
    Shutdown = 1,
    Clock = 2,
    Reseed = 3,
    Hostname = 4,
    Deadline = 5
  };
  Kind kind = Kind::Shutdown;
  std::uint32_t grace_ms = 0;  // Shutdown: SIGTERM to all, so long, then SIGKILL
  // Deadline: so long from now, or none. What is over then ends by itself when no host is there to
  // end it; with a host it is the host's to say. The last one counts.
  std::optional<std::uint64_t> deadline_ms;
  bool operator==(const ControlRequest&) const = default;
};

inline constexpr std::uint32_t kMaxGraceMs = 60'000;
// A century, as in model/lifetime.h, and what a host adds to it.
inline constexpr std::uint64_t kMaxDeadlineMs = 101ULL * 366 * 24 * 3600 * 1000;

std::string encode(const ControlRequest& request);
Result<ControlRequest> decodeControlRequest(std::string_view text);

}  // namespace ak::wire
