#pragma once

#include "model/box.h"

namespace ak::launch {

// The daemon is trusted, its input is not: what ends up in a system call is checked here too.
Status checkSpec(const model::BoxSpec& spec);
Status checkIdentity(const model::BoxIdentity& identity);

}  // namespace ak::launch
