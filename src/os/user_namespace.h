#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sys/owned_fd.h"

namespace ak::os {

// One line of /proc/PID/uid_map (user_namespaces(7)).
struct IdExtent {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 1;
  bool operator==(const IdExtent&) const = default;
};

struct IdMaps {
  std::vector<IdExtent> users;
  std::vector<IdExtent> groups;
  bool operator==(const IdMaps&) const = default;
};

// Both maps of the process behind `proc_dir` (a descriptor of /proc/PID), once and for all.
Status writeIdMaps(int proc_dir, const IdMaps& maps);

// A user namespace that nobody is in, for idmap(). Costs a short-lived child.
Result<sys::OwnedFd> makeUserNamespace(const IdMaps& maps);

// The first `count` ids of our own user namespace as themselves, for a namespace below it. Our
// extents stay apart: each line of a child's map must lie within one line of its parent's, else
// the kernel refuses it with EPERM (user_namespaces(7)).
Result<IdMaps> ownIds(std::uint32_t count);

// The same of the text of /proc/PID/uid_map or gid_map; what is no map yields nothing.
std::vector<IdExtent> sameIds(std::string_view map, std::uint32_t count);

// The extents of /etc/subuid or /etc/subgid text for a user (name or number first field).
std::vector<IdExtent> subordinateIds(std::string_view text,
                                     std::string_view user,
                                     std::uint32_t uid);

// What an ordinary user has for a range of ids: enterUserNamespace() takes 65535 of each, or none.
struct SubordinateIds {
  static constexpr std::uint32_t kNeeded = 65535;

  bool tools = false;  // newuidmap and newgidmap
  std::uint32_t users = 0;
  std::uint32_t groups = 0;

  bool enough() const { return tools && users >= kNeeded && groups >= kNeeded; }
};

SubordinateIds subordinateIdsOf(std::uint32_t uid);

// Of a clone or unshare that failed with `error`: what to do when this system is why.
Error namespacesRefused(int error, std::string_view what);

// Puts this single-threaded process into a new user namespace where it is root: our own id as 0
// and, when newuidmap, newgidmap and subordinate ids are there, 1..65535 after it; else the single
// id. Returns how many ids there are.
Result<std::uint32_t> enterUserNamespace();

}  // namespace ak::os
