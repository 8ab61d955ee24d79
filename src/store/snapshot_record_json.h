#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "model/snapshot.h"

namespace ak::store {

// The stored form of a snapshot, by the rules of sandbox_record_json.h.
nlohmann::json snapshotToJson(const model::SnapshotRecord& snapshot);
Result<model::SnapshotRecord> snapshotFromJson(const nlohmann::json& body);

}  // namespace ak::store
