#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace ak::model {

// What happens by itself to a sandbox that nobody uses. 0 is legal and means "at the next look".
struct LifecyclePolicy {
  std::optional<std::uint64_t> auto_stop_after_seconds;
  std::optional<std::uint64_t> auto_archive_after_seconds;
  std::optional<std::uint64_t> auto_delete_after_seconds;  // counted from the archiving

  bool empty() const {
    return !auto_stop_after_seconds && !auto_archive_after_seconds && !auto_delete_after_seconds;
  }

  bool operator==(const LifecyclePolicy&) const = default;
};

// Of a sandbox. Times are kept as the RFC 3339 text that they came as; empty: none. A text that is
// no time (an import's) is shown and never acted on.
struct Lifetime {
  std::optional<std::uint64_t> ttl_seconds;
  std::string expires_at;
  std::string last_activity_at;
  std::string archived_at;
  std::string archived_reason;
  std::string dormant_at;
  std::string dormant_reason;
  LifecyclePolicy policy;
  bool operator==(const Lifetime&) const = default;
};

// So that the sum with any time of these centuries is a time.
inline constexpr std::uint64_t kMaxLifetimeSeconds = 100ULL * 366 * 24 * 3600;

// InvalidArgument above kMaxLifetimeSeconds.
Status validate(const LifecyclePolicy& policy);
Status validateTtl(std::uint64_t seconds);

// A sandbox made now with this time to live.
Lifetime lifetimeFrom(WallTime now,
                      std::optional<std::uint64_t> ttl_seconds,
                      LifecyclePolicy policy);

// From the later of now and the present expiry (absent or no time: now). ttl_seconds becomes the
// new expiry less `created_at`.
Status extend(Lifetime& lifetime, WallTime now, WallTime created_at, std::uint64_t seconds);

}  // namespace ak::model
