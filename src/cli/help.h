#pragma once

#include <string>
#include <string_view>

#include "cli/command.h"

namespace ak::cli {

// "agentkernel --help": all commands, a line each.
std::string rootHelp();
// "agentkernel COMMAND --help".
std::string commandHelp(const CommandSpec& command);
// An option's help with the words that it accepts.
std::string optionHelp(const OptionSpec& option);
// What the exit status of every command means.
std::string_view exitStatusText();
// docs/cli.md, whole.
std::string commandsMarkdown();

}  // namespace ak::cli
