#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "env/environment.h"

namespace ak::env {

// The variables that `pass_env` hands to a permissive sandbox, and no others: nothing in this list
// is a credential.
inline constexpr std::array<const char*, 6> kPassedVariables = {"PATH", "HOME",   "USER",
                                                                "LANG", "LC_ALL", "TERM"};

// KEY=VALUE of those of the six that are set, in the order of the list. Values with control bytes
// or over 4 KiB are left out. The client reads them, never the daemon.
std::vector<std::string> passedEnvironment(const Environment& environment);

// TERM for a PTY: the client's when it is a plain terminal name, else xterm-256color. The name ends
// up as a file name in the guest's terminfo lookup.
std::string terminalType(const Environment& environment);

}  // namespace ak::env
