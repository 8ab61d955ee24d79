// System calls: a guest wants to reach more kernel code than its programs need.
#include <fcntl.h>
#include <linux/fanotify.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "hostile/attack.h"

namespace ak::hostile {

namespace {

struct Call {
  const char* name;
  long (*make)();
};

long flagged(unsigned long flags) {
  const long pid = ::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) {
    ::_exit(0);
  }
  if (pid > 0) {
    ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
  }
  return pid;
}

// With arguments that the kernel itself refuses (EINVAL, EFAULT, EBADF) without harm: any answer
// but "no such call for you" means that it was reached.
constexpr Call kCalls[] = {
    {"unshare(user)", [] { return static_cast<long>(::unshare(CLONE_NEWUSER)); }},
    {"clone(user)", [] { return flagged(CLONE_NEWUSER); }},
    {"clone(net)", [] { return flagged(CLONE_NEWNET); }},
    {"clone3", [] { return ::syscall(SYS_clone3, nullptr, 0); }},
    {"setns", [] { return ::syscall(SYS_setns, -1, 0); }},
    {"mount", [] { return ::syscall(SYS_mount, nullptr, "/nowhere", "proc", 0, nullptr); }},
    {"umount2", [] { return ::syscall(SYS_umount2, "/nowhere", 0); }},
    {"pivot_root", [] { return ::syscall(SYS_pivot_root, "/nowhere", "/nowhere"); }},
    {"fsopen", [] { return ::syscall(SYS_fsopen, nullptr, 0); }},
    {"open_tree", [] { return ::syscall(SYS_open_tree, -1, "", 1U); }},
    {"open_tree_attr", [] { return ::syscall(467, -1, "", 1U, nullptr, 0); }},
    {"move_mount", [] { return ::syscall(SYS_move_mount, -1, "", -1, "", 0); }},
    {"mount_setattr", [] { return ::syscall(SYS_mount_setattr, -1, "", 0, nullptr, 0); }},
    {"open_by_handle_at", [] { return ::syscall(SYS_open_by_handle_at, -1, nullptr, 0); }},
    {"keyctl", [] { return ::syscall(SYS_keyctl, 0, -3, 0); }},
    {"add_key", [] { return ::syscall(SYS_add_key, nullptr, nullptr, nullptr, 0, 0); }},
    {"bpf", [] { return ::syscall(SYS_bpf, 0xffff, nullptr, 0); }},
    {"perf_event_open", [] { return ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
    {"userfaultfd", [] { return ::syscall(SYS_userfaultfd, 0xffff); }},
    {"io_uring_setup", [] { return ::syscall(SYS_io_uring_setup, 0, nullptr); }},
    {"io_uring_register", [] { return ::syscall(SYS_io_uring_register, -1, 0, nullptr, 0); }},
    {"fanotify_init", [] { return ::syscall(SYS_fanotify_init, 0xffff, 0); }},
    {"kexec_load", [] { return ::syscall(SYS_kexec_load, 0, 0, nullptr, 0xffff); }},
    {"init_module", [] { return ::syscall(SYS_init_module, nullptr, 0, nullptr); }},
    {"finit_module", [] { return ::syscall(SYS_finit_module, -1, nullptr, 0); }},
    {"swapon", [] { return ::syscall(SYS_swapon, nullptr, 0); }},
    {"quotactl", [] { return ::syscall(SYS_quotactl, -1, nullptr, 0, nullptr); }},
    {"syslog", [] { return ::syscall(SYS_syslog, 10, nullptr, 0); }},
    {"process_vm_readv", [] { return ::syscall(SYS_process_vm_readv, 1, 0, 0, 0, 0, 1); }},
    {"ptrace", [] { return ::syscall(SYS_ptrace, PTRACE_PEEKDATA, ::getpid(), 0, 0); }},
    {"ioctl(TIOCSTI)", [] { return ::syscall(SYS_ioctl, -1, TIOCSTI, "x"); }},
    {"ioctl(TIOCSTI, upper half)",
     [] { return ::syscall(SYS_ioctl, -1, 0xdead00000000UL | TIOCSTI, "x"); }},
    // fs.aio-max-nr is the whole machine's.
    {"io_setup",
     [] {
       unsigned long context = 0;
       return ::syscall(SYS_io_setup, 1, &context);
     }},
    // A lease on a file of the host holds up whoever writes it there (fcntl(2)).
    {"fcntl(F_SETLEASE)",
     [] { return ::syscall(SYS_fcntl, ::open("/proc/self/exe", O_RDONLY), F_SETLEASE, F_RDLCK); }},
    {"fcntl(F_NOTIFY)",
     [] { return ::syscall(SYS_fcntl, ::open("/", O_RDONLY), F_NOTIFY, DN_ACCESS); }},
    {"socket(alg)", [] { return static_cast<long>(::socket(AF_ALG, SOCK_SEQPACKET, 0)); }},
    {"socket(packet)", [] { return static_cast<long>(::socket(AF_PACKET, SOCK_RAW, 0)); }},
    {"socket(vsock)", [] { return static_cast<long>(::socket(AF_VSOCK, SOCK_STREAM, 0)); }},
    {"socket(netfilter)", [] { return static_cast<long>(::socket(AF_NETLINK, SOCK_RAW, 12)); }},
};

Verdict syscalls(std::span<char*>) {
  Verdict verdict = Verdict::Blocked;
  for (const Call& call : kCalls) {
    // In a child each: one that worked changes what the next may do.
    const pid_t child = ::fork();
    if (child == 0) {
      ::_exit(call.make() < 0 ? errno : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    const int error = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    const bool refused =
        error == EPERM || error == ENOSYS || error == EAFNOSUPPORT || error == EPROTONOSUPPORT;
    verdict = either(verdict, tell(call.name, !refused, std::strerror(error)));
  }
  return verdict;
}

// True when the kernel answered instead of killing the caller.
bool answers(void (*call)()) {
  const pid_t child = ::fork();
  if (child == 0) {
    call();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return !(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

// R19: the numbers of the 32-bit and x32 tables mean other calls than the filter thinks.
Verdict otherAbis(std::span<char*>) {
  Verdict verdict = Verdict::Blocked;
#ifdef __x86_64__
  verdict = tell("int 0x80", answers([] {
                   long result = 20;  // getpid of i386
                   asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
                 }));
  verdict =
      either(verdict, tell("x32", answers([] { (void)::syscall(0x40000000L + SYS_getpid); })));
#endif
  return verdict;
}

constexpr Attack kAttacks[] = {{"syscalls", syscalls}, {"other-abis", otherAbis}};

}  // namespace

std::span<const Attack> kernelAttacks() {
  return kAttacks;
}

}  // namespace ak::hostile
