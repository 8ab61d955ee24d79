#pragma once

#include <functional>
#include <string>
#include <string_view>

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

// The same with a call of the API for each sandbox: METHOD /sandboxes/NAME[/ACTION].
Result<int> forEachSandbox(Context& context,
                           const Arguments& arguments,
                           std::string_view method,
                           std::string_view action);

// Of an answer with `failures`: tells what could not be done (with --json the answer does); the
// exit status of the first one.
Result<int> tellFailures(Context& context,
                         const Arguments& arguments,
                         const nlohmann::json& answer);

}  // namespace ak::cli
