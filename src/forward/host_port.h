#pragma once

#include <vector>

#include "base/result.h"
#include "model/port.h"
#include "sys/owned_fd.h"

namespace ak::forward {

struct HostPort {
  model::PortMapping mapping;  // with the host port that it has
  sys::OwnedFd socket;         // non-blocking; listening (TCP)
};

// Takes the mapping's port of the host. An automatic one that had a port has it again if it is
// free, else another. Conflict when somebody has it, PermissionDenied for a port below 1024 without
// the right to it, InvalidArgument for an address that is not this machine's.
Result<HostPort> bindPort(model::PortMapping mapping);

// All of them or none.
Result<std::vector<HostPort>> bindPorts(const std::vector<model::PortMapping>& mappings);

}  // namespace ak::forward
