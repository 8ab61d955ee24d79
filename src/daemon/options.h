#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "env/paths.h"

namespace ak::daemon {

struct Options {
  env::Paths paths;
  int ready_fd = -1;              // one byte when requests are accepted; else why not, and the end
  bool doctor = false;            // print the checks and leave
  std::string program_directory;  // where ak-launcher and ak-agent are
};

// agentkerneld [--ready-fd N] [--state-dir DIR] [--runtime-dir DIR] [--config FILE] [--doctor]
Result<Options> parseOptions(const std::vector<std::string>& arguments);

}  // namespace ak::daemon
