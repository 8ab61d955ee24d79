#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ak::manager {

// The paths of submodules (gitlinks) in the content of a repository's index: git(1) looks for a
// repository of its own in each of them. Versions 2 to 4 (gitformat-index(5)). Hostile bytes: a
// guest may have written them. Unsupported for what it cannot tell from an index of no
// submodules (a split index, an unknown version), Protocol when malformed.
Result<std::vector<std::string>> submodulesIn(std::string_view index);

}  // namespace ak::manager
