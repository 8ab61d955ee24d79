#pragma once

#include "model/box.h"

namespace ak::launch {

// The daemon is trusted, its input is not: what ends up in a system call is checked here too.
Status checkSpec(const model::BoxSpec& spec);
Status checkIdentity(const model::BoxIdentity& identity);

// Adds the disk limit's row; Unsupported when it was asked for and cannot be held.
Status judgeDisk(const model::BoxSpec& spec, std::vector<model::EnforcedLimit>& enforced);

}  // namespace ak::launch
