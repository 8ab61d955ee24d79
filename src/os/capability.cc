#include "os/capability.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace ak::os {

int limitBoundingSet(CapabilitySet keep) {
  // The kernel may know more capabilities than our headers: go on until it knows no further.
  for (unsigned cap = 0; cap < 64; ++cap) {
    if ((keep >> cap & 1U) != 0) {
      continue;
    }
    if (::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) {
      return errno == EINVAL && cap > CAP_AUDIT_READ ? 0 : errno;
    }
  }
  return 0;
}

int setCapabilities(CapabilitySet keep) {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return errno;
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (unsigned half = 0; half < 2; ++half) {
    data[half].effective = static_cast<std::uint32_t>(keep >> (32U * half));
    data[half].permitted = data[half].effective;
  }
  return ::syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

int setNoNewPrivileges() {
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

namespace {

// setfsuid(2) away from 0 takes file capabilities out of the effective set.
void raiseAll() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) == 0) {
    data[0].effective = data[0].permitted;
    data[1].effective = data[1].permitted;
    (void)::syscall(SYS_capset, &header, data);
  }
}

}  // namespace

ScopedFileOwner::ScopedFileOwner(std::uint32_t id)
    : user_(static_cast<std::uint32_t>(::setfsuid(id))),
      group_(static_cast<std::uint32_t>(::setfsgid(id))) {
  raiseAll();
}

ScopedFileOwner::~ScopedFileOwner() {
  ::setfsgid(group_);
  ::setfsuid(user_);
  raiseAll();
}

}  // namespace ak::os
