#pragma once

#include <string>

#include "config/config.h"
#include "policy/admission.h"

namespace ak::daemon {

// A descriptor per client, agent and pidfd; the soft limit of 1024 is for programs that use select.
void raiseDescriptorLimit();

// What all sandboxes together may take of this machine: what the user says, else a share of what is
// there now. `state` is the directory whose disk counts.
policy::HostBudget hostBudget(const std::string& state, const config::LimitsSection& limits);

}  // namespace ak::daemon
