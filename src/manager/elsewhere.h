#pragma once

#include "base/result.h"
#include "manager/sandbox.h"

namespace ak::manager {

// Unsupported for a sandbox of a backend that is not in use here, whose state nobody can say.
Status refuseElsewhere(const Sandbox& sandbox);

}  // namespace ak::manager
