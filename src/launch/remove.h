#pragma once

#include <string>

#include "base/result.h"

namespace ak::launch {

// Removes the directory at absolute `path` with all below it, as root of a user namespace of our
// own where we are not root: files of a sandbox's other users belong to subordinate ids there,
// which only this namespace may touch. For a process of its own (`ak-launcher --remove PATH`):
// afterwards it is in that namespace for good, and a large tree holds up nobody.
Status removeDirectory(const std::string& path);

}  // namespace ak::launch
