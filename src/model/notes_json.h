#pragma once

#include <nlohmann/json_fwd.hpp>

#include "model/json_fields.h"
#include "model/label.h"
#include "model/lifetime.h"

// What a sandbox is given besides what it runs: labels, a description, a lifetime. Included by .cc
// files of codecs only.
namespace ak::model {

// All three thresholds, null where there is none.
nlohmann::json toJson(const LifecyclePolicy& policy);

// Each reads its key if it is there, and rejects what cannot be kept.
void readLabels(JsonFields& fields, Labels& labels);
void readDescription(JsonFields& fields, std::string& description);
// "1h", "90", 90; 0 is "never ends by itself".
void readTtl(JsonFields& fields, std::optional<std::uint64_t>& ttl_seconds);
void readLifecycle(JsonFields& fields, LifecyclePolicy& policy);

}  // namespace ak::model
