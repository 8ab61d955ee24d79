#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ak::cli {

// The completion script for bash, zsh or fish, made from the command tables.
Result<std::string> completionScript(std::string_view shell);

}  // namespace ak::cli
