#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

// Service::Control. Open carries a ControlRequest; an empty Reply means done (for Shutdown: begun,
// the session ends soon after). Kinds that this agent does not serve end in Reset{unsupported}.
namespace ak::wire {

struct ControlRequest {
  // Numbers are forever. Only Shutdown is served outside a VM.
  enum class Kind : std::uint8_t { Shutdown = 1, Clock = 2, Reseed = 3, Hostname = 4 };
  Kind kind = Kind::Shutdown;
  std::uint32_t grace_ms = 0;  // Shutdown: SIGTERM to all, so long, then SIGKILL
  bool operator==(const ControlRequest&) const = default;
};

inline constexpr std::uint32_t kMaxGraceMs = 60'000;

std::string encode(const ControlRequest& request);
Result<ControlRequest> decodeControlRequest(std::string_view text);

}  // namespace ak::wire
