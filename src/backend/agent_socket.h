#pragma once

#include <string>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::backend {

// The socket between daemon and one agent: bound by the daemon in the sandbox's runtime directory
// on the host, accepted by the agent through an inherited descriptor. No path inside leads to it.
//
// Makes the directory (0700) if missing.
Result<sys::OwnedFd> listenForAgent(const std::string& runtime_directory);
// Does not wait for the agent: the kernel queues connection and bytes until it accepts.
Result<sys::OwnedFd> connectToAgent(const std::string& runtime_directory);

// Removes the directory with all in it; missing is success.
Status removeRuntimeDirectory(const std::string& runtime_directory);

}  // namespace ak::backend
