#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "model/permissions.h"

// Seccomp filters (seccomp(2)) as raw BPF: the bytes of a struct sock_filter array. Compiled in the
// daemon, once per set; the launcher and the agent only install bytes. Every filter kills a process
// that uses another system call ABI than the machine's own (32-bit and x32 calls have other
// numbers, which would go past the rules).
namespace ak::os {

// May guests make set-user-id and set-group-id files? Not where they write to a directory of the
// host: guest root is the owner of the workspace there, so that such a file lets every user of the
// machine run the guest's code as the owner. (Inside, `nosuid` has made them useless anyway.)
// openat2, whose arguments a filter cannot see, answers ENOSYS then.
enum class SetIdFiles : std::uint8_t { Allowed, Refused };

// What guest processes run under, installed just before each exec.
//   default      all but calls that administer the machine or widen the kernel's attack surface
//   moderate     also no debugging of other processes
//   restrictive  only the calls on a list of what ordinary programs use
//   ai-agent     that list and what agents' tools need besides (landlock, handles, batching)
// All of them: no new namespaces (clone3 answers ENOSYS, so that C libraries fall back to clone,
// whose flags can be seen), no terminal injection, no odd socket families, no changed personality,
// no other limit of core dumps than the one at the start (setting it seems to work).
Result<std::string> compileSeccomp(model::SeccompSet set, SetIdFiles files = SetIdFiles::Allowed);

// What the agent itself runs under, and with it all that it starts.
Result<std::string> compileAgentSeccomp();

// Child-safe: installs on the calling thread, which has no_new_privs. 0 or an errno.
int installSeccomp(const void* program, std::size_t size);

}  // namespace ak::os
