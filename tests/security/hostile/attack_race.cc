// R11, R12, F2: names that change between the host's look and its use. And R20: a kernel that does
// not have what isolation needs.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "hostile/attack.h"

namespace ak::hostile {

namespace {

// Exchanges two names in one step, again and again, until it is killed.
Verdict swap(std::span<char*> arguments) {
  if (arguments.size() < 2) {
    return tell("swap", false, "needs two names");
  }
  for (std::size_t turns = 0;; ++turns) {
    if (::renameat2(AT_FDCWD, arguments[0], AT_FDCWD, arguments[1], RENAME_EXCHANGE) != 0) {
      return tell("swap", false, std::strerror(errno));
    }
    if (turns == 0) {
      std::puts("swapping");
    }
  }
}

// Outside: runs a program, and all that it starts, as on a kernel without seccomp.
Verdict withoutSeccomp(std::span<char*> arguments) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(program), program};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    return tell("without-seccomp", false, std::strerror(errno));
  }
  // argv ends with a null pointer, and so does its tail.
  ::execv(arguments[0], arguments.data());
  return tell("without-seccomp", false, std::strerror(errno));
}

}  // namespace

std::span<const Attack> raceAttacks() {
  static constexpr Attack kAttacks[] = {{"swap", swap}, {"without-seccomp", withoutSeccomp}};
  return kAttacks;
}

}  // namespace ak::hostile
