#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/label.h"
#include "model/lifetime.h"
#include "policy/lifecycle.h"

// What the manager's calls about labels and time take and answer.
namespace ak::manager {

using LabelFilter = std::vector<std::pair<std::string, std::string>>;

// One threshold of a policy: left alone, taken away (inner nothing) or set.
using ThresholdUpdate = std::optional<std::optional<std::uint64_t>>;

// What is absent stays as it is. Labels are first replaced, then removed, then set, all in one
// step: two who each set a label of their own do not undo each other.
struct SandboxUpdate {
  std::optional<model::Labels> labels;
  std::vector<std::string> remove_labels;
  model::Labels set_labels;
  std::optional<std::string> description;  // "" takes it away
  std::optional<model::LifecyclePolicy> lifecycle;
  ThresholdUpdate auto_stop;
  ThresholdUpdate auto_archive;
  ThresholdUpdate auto_delete;
};

// One of several that could not be done; the others were.
struct Failure {
  std::string sandbox;
  Error error;
};

struct CollectRequest {
  // Expired: their time to live is over. Stopped: whatever their time; those that were put aside
  // (archived, dormant) or cannot be asked stay. StoppedAndRunning: these too.
  enum class Which : std::uint8_t { Expired, Stopped, StoppedAndRunning };
  Which which = Which::Expired;
  bool dry_run = false;
  LabelFilter labels;
};

struct Collected {
  bool dry_run = false;
  std::vector<std::string> removed;
  std::vector<Failure> failures;
};

struct Reconciled {
  bool dry_run = false;
  std::vector<policy::LifecycleDecision> actions;  // done, or (dry run) to be done
  std::vector<Failure> failures;
};

}  // namespace ak::manager
