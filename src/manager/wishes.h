#pragma once

#include "config/config.h"
#include "model/run_request.h"
#include "policy/command_policy.h"
#include "policy/profiles.h"

// Words of one layer put into the terms of another.
namespace ak::manager {

policy::Wishes wishesOf(const config::Config& config);
policy::Wishes wishesOf(const model::RunRequest& request);
policy::Wishes wishesOf(const model::AskedLimits& limits);
policy::LimitCeilings ceilingsOf(const config::UserConfig& config);
policy::CommandPolicy commandPolicyOf(const config::Config& config);

}  // namespace ak::manager
