#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/client.h"
#include "env/environment.h"
#include "env/paths.h"

// Finds the daemon of this user, and starts it when none runs.
namespace ak::client {

struct DaemonPlace {
  env::Paths paths;
  // AGENTKERNEL_DAEMON, else agentkerneld beside our own executable.
  std::string program;
  // What the daemon is started with: the few variables that it understands, and none of the secrets
  // that a user's shell may hold.
  std::vector<std::string> environment;
  std::chrono::milliseconds start_deadline{20000};
};

Result<DaemonPlace> findDaemonPlace(const env::Environment& environment);

// Names in the state directory. The daemon holds an exclusive flock on the first while it lives and
// writes its socket's path into it, so that clients with another XDG_RUNTIME_DIR find it.
inline constexpr std::string_view kLockFile = "/daemon.lock";
inline constexpr std::string_view kLogFile = "/daemon.log";

// A connection to the daemon that runs now: on the default socket, else on the one that the lock
// file names. NotFound or Unavailable when there is none.
Result<Client> connectRunning(const env::Paths& paths);

// The same, but starts the daemon when there is none. Any number of callers at once start one: they
// queue on a lock file in the runtime directory. Unavailable with the daemon's own words when it
// cannot start.
Result<Client> connectOrStart(const DaemonPlace& place);

}  // namespace ak::client
