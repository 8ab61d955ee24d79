#pragma once

#include <string_view>

#include "base/result.h"

namespace ak::config {

// Refuses text whose shape would make a TOML parser recurse deeply or work quadratically: more than
// kMaxTomlDepth levels of brackets or of one dotted key, more than 10,000 dots or assignments.
// Looks at strings and comments only to skip them; whether the rest is TOML is the parser's
// business.
Status checkTomlShape(std::string_view file, std::string_view text);

}  // namespace ak::config
