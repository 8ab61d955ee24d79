#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "env/environment.h"

namespace ak::cli {

// Where `--record WORD` writes: to the file of that name; into a directory (one that is there, or a
// name that ends with '/'), or for "-" or "" into ~/.agentkernel/recordings, as
// NAME-YYYYmmdd-HHMMSS.cast, the time in UTC. Makes the usual directory, for the user alone, and no
// other.
Result<std::string> recordingPath(std::string_view word,
                                  std::string_view sandbox,
                                  WallTime now,
                                  const env::Environment& environment);

}  // namespace ak::cli
