#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace ak::guest {

struct GuestUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string home;   // empty: not in passwd
  std::string shell;  // the same
};

// Looks `spec` ("", "name", "uid", "uid:gid", "name:group") up in the guest's /etc/passwd and
// /etc/group. The files are the guest's: read with a bound, never through a link out of the root,
// never from a FIFO. "" is the agent's own user. A number that passwd does not know has group 0, as
// in container engines. InvalidArgument: no such user or group.
Result<GuestUser> lookUpUser(const std::string& spec);

// For tests: the same over given contents.
Result<GuestUser> lookUpUserIn(std::string_view spec,
                               std::string_view passwd,
                               std::string_view group);

}  // namespace ak::guest
