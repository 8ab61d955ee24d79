#pragma once

#include <cstdint>

namespace ak::policy {

// Numbers of linux/capability.h, written out so that this folder stays free of the OS.
enum class Capability : unsigned {
  Chown = 0,
  DacOverride = 1,
  Fowner = 3,
  Fsetid = 4,
  Kill = 5,
  Setgid = 6,
  Setuid = 7,
  Setpcap = 8,
};

constexpr std::uint64_t bit(Capability capability) {
  return std::uint64_t{1} << static_cast<unsigned>(capability);
}

// What root in a container needs for package managers, archives and su: files of other users
// (without DAC_OVERRIDE and FOWNER `apt` and `tar` fail), changing user, ending what it started.
// Nothing that reaches the kernel: no NET_RAW, MKNOD, SYS_CHROOT, SETFCAP, AUDIT_WRITE. A process
// has of these at most what the agent that starts it holds (no_new_privs).
inline constexpr std::uint64_t kRootlikeCapabilities =
    bit(Capability::Chown) | bit(Capability::DacOverride) | bit(Capability::Fowner) |
    bit(Capability::Fsetid) | bit(Capability::Kill) | bit(Capability::Setgid) |
    bit(Capability::Setuid);

}  // namespace ak::policy
