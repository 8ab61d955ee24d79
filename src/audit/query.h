#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/event.h"
#include "audit/files.h"
#include "base/clock.h"
#include "base/result.h"

namespace ak::audit {

// Which events; what is absent asks for nothing.
struct Query {
  static constexpr std::uint64_t kMaxLast = 10'000;

  std::string sandbox;  // name or uuid
  std::vector<Kind> kinds;
  std::optional<WallTime> since;
  std::uint64_t last = 100;  // at most so many, the newest ones
};

struct Found {
  std::vector<std::string> events;  // JSON objects as they stand in the log, oldest first
  std::uint64_t unreadable = 0;     // lines that were passed over: see verify
  bool cut = false;                 // kMaxBytes were reached first
};

inline constexpr std::size_t kMaxBytes = std::size_t{8} << 20U;

// Reads from the end back and stops as soon as it has what was asked for. Blocking. Lines that are
// not ours are passed over and counted; their chain is not judged here.
Result<Found> findEvents(const std::string& path, const Query& query);
Result<Found> findEvents(const std::vector<LogPart>& parts, const Query& query);

}  // namespace ak::audit
