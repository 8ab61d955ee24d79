#pragma once

#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "cli/command.h"
#include "cli/context.h"
#include "cli/options.h"

namespace ak::cli {

inline constexpr int kMostNames = 1000;

// Does the same to each named thing. One that fails is told and the others are still done; the exit
// status is then that of the first failure. Prints the name of each that went well, or with --json
// an object per name.
Result<int> forEachName(Context& context,
                        const Arguments& arguments,
                        const std::function<Result<nlohmann::json>(const std::string&)>& action);

}  // namespace ak::cli
