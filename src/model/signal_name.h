#pragma once

#include <string_view>

#include "base/result.h"

namespace ak::model {

// "TERM", "SIGTERM" or "15": 1 to 64. InvalidArgument names the nearest known name.
Result<int> parseSignal(std::string_view word);

}  // namespace ak::model
