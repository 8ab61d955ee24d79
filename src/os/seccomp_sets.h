#pragma once

#include <span>

namespace ak::os {

// Calls refused in every set and to the agent.
std::span<const char* const> alwaysRefused();
// Refused to guests besides, from `moderate` on.
std::span<const char* const> debuggingCalls();
// The list of `restrictive`.
std::span<const char* const> ordinaryCalls();
// What `ai-agent` has besides.
std::span<const char* const> agentToolCalls();

}  // namespace ak::os
