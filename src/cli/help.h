#pragma once

#include <string>

#include "cli/command.h"

namespace ak::cli {

// "agentkernel --help": all commands, a line each.
std::string rootHelp();
// "agentkernel COMMAND --help".
std::string commandHelp(const CommandSpec& command);
// docs/cli.md, whole.
std::string commandsMarkdown();

}  // namespace ak::cli
