#pragma once

#include <nlohmann/json_fwd.hpp>

#include "model/permissions.h"

// Included by .cc files of codecs only.
namespace ak::model {

// Every member, by its word or number.
nlohmann::json toJson(const Permissions& permissions);

}  // namespace ak::model
