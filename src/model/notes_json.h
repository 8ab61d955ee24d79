#pragma once

#include <nlohmann/json_fwd.hpp>

#include "model/json_fields.h"
#include "model/label.h"
#include "model/lifetime.h"
#include "model/run_request.h"

// What a sandbox is given besides what it runs: labels, a description, a lifetime. Included by .cc
// files of codecs only.
namespace ak::model {

// Keys `labels`, `description`, `created_from_template`, `template_help_text`, `ttl` and
// `lifecycle`, those that say something.
void putNotes(nlohmann::json& body, const Notes& notes);
void readNotes(JsonFields& fields, Notes& notes);

// All three thresholds, null where there is none.
nlohmann::json toJson(const LifecyclePolicy& policy);

// Each reads its key if it is there, and rejects what cannot be kept.
void readLabels(JsonFields& fields, Labels& labels, const char* key = "labels");
void readDescription(JsonFields& fields, std::string& description, const char* key = "description");
// "1h", "90", 90; 0 is "never ends by itself".
void readTtl(JsonFields& fields, std::optional<std::uint64_t>& ttl_seconds);
// "1h", "90", 90, at most kMaxLifetimeSeconds.
void readSeconds(JsonFields& fields, const char* key, std::optional<std::uint64_t>& seconds);
void readLifecycle(JsonFields& fields, LifecyclePolicy& policy);

}  // namespace ak::model
