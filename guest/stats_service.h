#pragma once

#include "base/result.h"
#include "guest/processes.h"
#include "wire/stats.h"

namespace ak::guest {

// Reads /proc; no fork, no memory beyond one list of processes.
Result<wire::GuestStats> gatherStats(const Processes& processes);

}  // namespace ak::guest
