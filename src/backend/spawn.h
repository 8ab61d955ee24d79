#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "net/loop.h"
#include "net/task.h"
#include "sys/owned_fd.h"
#include "sys/process.h"

namespace ak::backend {

// A program of ours started beside the daemon, never by fork: posix_spawn shares the daemon's
// memory until exec, so a large daemon starts it as fast as a small one.
struct SpawnRequest {
  std::vector<std::string> argv;  // argv[0] is the path
  std::vector<std::string> environment;
  std::string directory = "/";
  // Appear as descriptors 3, 4, ...; nothing else is inherited but stderr (stdin and stdout are
  // /dev/null).
  std::vector<int> descriptors;
};

struct Spawned {
  pid_t pid = 0;
  sys::OwnedFd process;  // pidfd; whoever owns it reaps
};

// In a session of its own, so that a Ctrl-C at a daemon in the foreground does not reach it; all
// signals at their defaults and unblocked.
Result<Spawned> spawnProgram(const SpawnRequest& request);

// The same, and waits for its end.
net::Task<Result<sys::ExitStatus>> runProgram(net::Executor executor, const SpawnRequest& request);

}  // namespace ak::backend
