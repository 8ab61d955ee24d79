#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

// The manual (man(7)), made from the same tables as --help.
namespace ak::cli {

struct ManPage {
  std::string file;  // "agentkernel-images-list.1"
  std::string text;
};

// "agentkernel images list" has the page agentkernel-images-list(1).
ManPage manPage(const CommandSpec& command);
// agentkernel(1), then one for each command.
std::vector<ManPage> allManPages();

}  // namespace ak::cli
