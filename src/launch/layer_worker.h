#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace ak::launch {

// Makes a layer of others (os/layer_merge.h), as root of a user namespace of our own where we are
// not root: files of a sandbox's other users belong to subordinate ids there. For a process of its
// own (`ak-launcher --merge copy|link N M [PATH...]`, PATHs are left out). Descriptors: 3 the
// socket that takes the outcome as a model::TreeReply, 4 the target, from 5 on N layers, top first,
// and then M of what is below them.
Status mergeForDaemon(const std::vector<std::string>& words);

}  // namespace ak::launch
