#pragma once

#include "base/result.h"
#include "model/sandbox.h"
#include "wire/hello.h"

namespace ak::manager {

// How long a one-shot sandbox lives on without a daemon.
inline constexpr std::uint32_t kOwnerLeaseMs = 30'000;

// What the agent holds every guest process to, for the sandbox's whole life.
Result<wire::SandboxRules> childRules(const model::SandboxRecord& record);

}  // namespace ak::manager
