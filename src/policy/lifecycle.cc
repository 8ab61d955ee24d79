#include "policy/lifecycle.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace ak::policy {

namespace {

bool reached(const std::optional<std::chrono::seconds>& lasted,
             const std::optional<std::uint64_t>& threshold) {
  return lasted && threshold && std::cmp_greater_equal(lasted->count(), *threshold);
}

std::optional<LifecycleDecision> decide(const LifecycleSubject& subject) {
  const auto because = [&](LifecycleAction action, std::string_view what,
                           std::chrono::seconds lasted, std::uint64_t threshold) {
    return LifecycleDecision{subject.sandbox, action,
                             cat(what, " for ", lasted.count(), "s (threshold=", threshold, "s)")};
  };
  const model::LifecyclePolicy& policy = subject.policy;
  if (subject.archived) {
    return reached(subject.archived, policy.auto_delete_after_seconds)
               ? std::optional(because(LifecycleAction::Delete, "archived", *subject.archived,
                                       *policy.auto_delete_after_seconds))
               : std::nullopt;
  }
  if (reached(subject.idle, policy.auto_archive_after_seconds)) {
    return because(LifecycleAction::Archive, "inactive", *subject.idle,
                   *policy.auto_archive_after_seconds);
  }
  if (subject.running && reached(subject.idle, policy.auto_stop_after_seconds)) {
    return because(LifecycleAction::Stop, "inactive", *subject.idle,
                   *policy.auto_stop_after_seconds);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(LifecycleAction action) {
  switch (action) {
    case LifecycleAction::Stop:
      return "stop";
    case LifecycleAction::Archive:
      return "archive";
    case LifecycleAction::Delete:
      break;
  }
  return "delete";
}

std::vector<LifecycleDecision> decideLifecycle(const std::vector<LifecycleSubject>& subjects) {
  std::vector<LifecycleDecision> decisions;
  for (const LifecycleSubject& subject : subjects) {
    if (auto decision = decide(subject)) {
      decisions.push_back(*std::move(decision));
    }
  }
  std::ranges::sort(decisions, {}, [](const LifecycleDecision& each) {
    return std::tie(each.sandbox, each.reason);
  });
  return decisions;
}

}  // namespace ak::policy
