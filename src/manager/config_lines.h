#pragma once

#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "policy/profiles.h"

namespace ak::manager {

// Every key with the value in force and where it comes from: "file:line", "built in", or the
// profile that gives it. In the order of docs/configuration.md.
Result<std::vector<policy::Provenance>> linesOf(const config::UserConfig& user,
                                                const config::ProjectConfig& project);

}  // namespace ak::manager
