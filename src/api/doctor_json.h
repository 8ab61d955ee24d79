#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "manager/doctor.h"

namespace ak::api {

// {checks: [{name, status, message, remedy?}], healthy}: of GET /doctor and of `agentkerneld
// --doctor`.
nlohmann::json toJson(const std::vector<manager::DoctorCheck>& checks);

}  // namespace ak::api
