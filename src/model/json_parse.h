#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

// Included by .cc files of codecs only.
namespace ak::model {

// A stranger's text as one JSON object. InvalidArgument for anything else, and for what is nested
// more than 64 deep: walking that takes a stack frame for each level.
Result<nlohmann::json> parseJsonObject(std::string_view text);

}  // namespace ak::model
