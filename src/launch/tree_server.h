#pragma once

#include "base/result.h"

namespace ak::launch {

// Opens and removes for the daemon beneath directory `top` (model/tree_codec.h), as root of a user
// namespace of our own: files of a sandbox's other users belong to subordinate ids, which only it
// may touch. For a process of its own (`ak-launcher --files`); ends when `socket` is closed. What
// is opened here stays open to the daemon, whose own rights are not asked again.
Status serveTree(int socket, int top);

}  // namespace ak::launch
