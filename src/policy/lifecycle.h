#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/lifetime.h"

// What time does to sandboxes: pure functions of what is known of them.
namespace ak::policy {

enum class LifecycleAction : std::uint8_t { Stop, Archive, Delete };
// "stop", "archive", "delete".
std::string_view name(LifecycleAction action);

// A sandbox as far as its policy goes. Durations are measured, not differences of wall times: a
// clock that is set must delete nothing.
struct LifecycleSubject {
  std::string sandbox;
  bool running = false;
  // Since it was last used; nothing while something of it is in use (a stream, a running job).
  std::optional<std::chrono::seconds> idle;
  std::optional<std::chrono::seconds> archived;  // since then; nothing: it is not
  model::LifecyclePolicy policy;
};

struct LifecycleDecision {
  std::string sandbox;
  LifecycleAction action{};
  std::string reason;  // "inactive for 12s (threshold=10s)", "archived for 12s (threshold=10s)"
  bool operator==(const LifecycleDecision&) const = default;
};

// At least, not more than, the threshold. An archived one is only ever deleted; archive comes
// before stop. Sorted by sandbox, then reason.
std::vector<LifecycleDecision> decideLifecycle(const std::vector<LifecycleSubject>& subjects);

}  // namespace ak::policy
