#pragma once

#include <string>
#include <vector>

#include "os/cgroup.h"

// What this machine can do, found out by trying in short-lived children. For the native backend's
// probe and for doctor; costs some milliseconds.
namespace ak::os {

struct Ability {
  std::string name;  // stable word: user-namespaces, cgroups, ...
  bool usable = false;
  std::string detail;  // one sentence: what is there, or why not
  std::string remedy;  // when not usable
};

// Can this user make the namespaces that a box needs?
Ability probeUserNamespaces();
// Can it mount an overlay where a box of ours would (rootless: inside a user namespace)?
Ability probeOverlay();
// Are memory, cpu and pids limits enforceable? Changes nothing.
Ability probeCgroups();
// Can mounts of the file system at `path` be id-mapped? Root only; usable without asking when not
// root, since a rootless box needs none.
Ability probeIdmap(const std::string& path);
// newuidmap, newgidmap and subordinate ids for the full range (rootless).
Ability probeSubordinateIds();
Ability probePasta();

// All of them, `path` being the state directory.
std::vector<Ability> probeAll(const std::string& path);

}  // namespace ak::os
