#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "model/sandbox.h"

namespace ak::store {

// The stored form of a record, without its agent key. Every key is optional on read except uuid and
// name, so that an older row stays readable; a wrong type is an error that names the key.
nlohmann::json recordToJson(const model::SandboxRecord& record);
Result<model::SandboxRecord> recordFromJson(const nlohmann::json& body);

}  // namespace ak::store
