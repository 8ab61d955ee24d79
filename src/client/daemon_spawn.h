#pragma once

#include <string>

#include "base/result.h"
#include "client/daemon_start.h"

namespace ak::client {

// Starts `agentkerneld --ready-fd N --state-dir D --runtime-dir D --config F` in a session of its
// own with an empty standard input and its output in the log file, and waits until it accepts
// connections: it then writes one byte to N. A daemon that cannot start writes why, and ends.
Status spawnDaemon(const DaemonPlace& place);

// What `agentkerneld --doctor` prints: the checks that need no daemon, as JSON text. Unavailable
// when the program cannot be run.
Result<std::string> runDoctor(const DaemonPlace& place);

}  // namespace ak::client
