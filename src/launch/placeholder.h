#pragma once

#include <string>

#include "model/box.h"

// What holds a protected name that the workspace does not have: the guest finds it taken, and a
// read-only mount on it. An empty directory, but for the names of git's own that it reads as files:
// those are files that say what git takes for granted without them.
namespace ak::launch {

// Makes it in `workspace`, whose parents exist; it belongs to the workspace's owner.
Status makePlaceholder(int workspace, const std::string& path, const model::BoxWorkspace& spec);

// Removes it if it still is what makePlaceholder() made: what the host filled is the host's.
void removePlaceholder(int workspace, const std::string& path);

}  // namespace ak::launch
