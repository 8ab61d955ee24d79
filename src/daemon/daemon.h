#pragma once

#include "daemon/options.h"

namespace ak::daemon {

// Runs the daemon until it is asked to stop (SIGTERM, SIGINT, POST /daemon/stop). The result is the
// process' exit code. Errors before the first request are also written to the ready descriptor.
int runDaemon(const Options& options);

// `agentkerneld --doctor`: the checks that need no daemon, as JSON. 0 when none is an error.
int printDoctor(const Options& options);

}  // namespace ak::daemon
