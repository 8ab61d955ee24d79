#pragma once

#include <array>

#include "cli/command.h"

namespace ak::cli {

// The option of every command that prints data.
inline constexpr OptionSpec kJsonOption = {.name = "json", .help = "Print JSON, for programs"};
inline constexpr std::array<OptionSpec, 1> kJsonOnly = {kJsonOption};

}  // namespace ak::cli
