#include "model/lifetime.h"

#include <algorithm>

#include "base/text.h"

namespace ak::model {

namespace {

Status tooLong(std::string_view what) {
  return fail(ErrorCode::InvalidArgument, cat(what, " is too far away"),
              "At most 100 years can be counted.");
}

}  // namespace

Status validateTtl(std::uint64_t seconds) {
  return seconds <= kMaxLifetimeSeconds ? Status() : tooLong("the end of this time to live");
}

Status validate(const LifecyclePolicy& policy) {
  for (const auto& seconds : {policy.auto_stop_after_seconds, policy.auto_archive_after_seconds,
                              policy.auto_delete_after_seconds}) {
    if (seconds.value_or(0) > kMaxLifetimeSeconds) {
      return tooLong("a threshold of the lifecycle policy");
    }
  }
  return {};
}

Lifetime lifetimeFrom(WallTime now,
                      std::optional<std::uint64_t> ttl_seconds,
                      LifecyclePolicy policy) {
  Lifetime lifetime;
  lifetime.ttl_seconds = ttl_seconds;
  if (ttl_seconds) {
    lifetime.expires_at =
        formatTime(now + std::chrono::seconds(std::min(*ttl_seconds, kMaxLifetimeSeconds)));
  }
  lifetime.last_activity_at = formatTime(now);
  lifetime.policy = policy;
  return lifetime;
}

Status extend(Lifetime& lifetime, WallTime now, WallTime created_at, std::uint64_t seconds) {
  AK_TRY(validateTtl(seconds));
  const WallTime base = std::max(now, parseTime(lifetime.expires_at).value_or(now));
  const WallTime expires = base + std::chrono::seconds(seconds);
  if (expires - now > std::chrono::seconds(kMaxLifetimeSeconds)) {
    return tooLong("the new expiry");
  }
  lifetime.expires_at = formatTime(expires);
  const auto ttl = std::chrono::floor<std::chrono::seconds>(expires - created_at);
  if (ttl.count() > 0) {
    lifetime.ttl_seconds = static_cast<std::uint64_t>(ttl.count());
  }
  return {};
}

}  // namespace ak::model
