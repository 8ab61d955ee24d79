#pragma once

#include <nlohmann/json_fwd.hpp>

#include "model/json_fields.h"
#include "model/run_request.h"

// Included by .cc files of codecs only.
namespace ak::model {

// Those that were asked for, in bytes and percent of a core.
void putLimits(nlohmann::json& body, const AskedLimits& limits);
// Upstream says memory_mb and vcpus; ours say bytes and percent of a core. Either may be given.
void readLimits(JsonFields& fields, AskedLimits& limits);

}  // namespace ak::model
