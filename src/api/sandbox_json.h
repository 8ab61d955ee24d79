#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "manager/manager.h"

namespace ak::api {

// A sandbox as clients see it; the record's keys and ids of our own are not among it.
nlohmann::json toJson(const manager::SandboxView& view);
nlohmann::json toJson(const std::vector<model::EnforcedLimit>& limits);
nlohmann::json toJson(const std::vector<model::Change>& changes);
nlohmann::json toJson(const manager::Phases& phases);

}  // namespace ak::api
