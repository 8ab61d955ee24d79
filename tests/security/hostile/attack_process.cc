// The agent, our own privileges, and other processes.
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include "hostile/attack.h"

namespace ak::hostile {

namespace {

// R1 (CVE-2019-5736), R13, R15: process 1 is the only program of the host's in here. Everything
// that would read or change it.
Verdict agent(std::span<char*>) {
  Verdict verdict = Verdict::Blocked;
  for (const char* path :
       {"/proc/1/exe", "/proc/1/mem", "/proc/1/environ", "/proc/1/maps", "/proc/1/root",
        "/proc/1/cwd", "/proc/1/fd/3", "/proc/1/fd/4", "/proc/1/ns/mnt", "/proc/1/auxv"}) {
    for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR}) {
      const int fd = ::open(path, flags | O_CLOEXEC);
      char byte = 0;
      const bool reads = fd >= 0 && flags == O_RDONLY && ::read(fd, &byte, 1) == 1;
      const bool writes = fd >= 0 && flags != O_RDONLY;
      verdict = either(verdict, tell(path, reads || writes, std::to_string(flags)));
      if (fd >= 0) {
        ::close(fd);
      }
    }
  }
  char target[256];
  verdict = either(
      verdict, tell("readlink /proc/1/exe", ::readlink("/proc/1/exe", target, sizeof target) >= 0));
  verdict = either(verdict, tell("readlink /proc/1/fd/3",
                                 ::readlink("/proc/1/fd/3", target, sizeof target) >= 0));
  verdict = either(verdict, tell("chdir /proc/1/cwd/..", ::chdir("/proc/1/cwd/..") == 0));
  verdict = either(verdict, tell("ptrace 1", ::ptrace(PTRACE_ATTACH, 1, 0, 0) == 0));
  const long pidfd = ::syscall(SYS_pidfd_open, 1, 0);
  verdict = either(verdict, tell("pidfd_getfd 1", ::syscall(SYS_pidfd_getfd, pidfd, 3, 0) >= 0));
  return verdict;
}

// Our own image is the guest's to overwrite; that of the agent must not be reachable by us.
Verdict signals(std::span<char*>) {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGCONT) {
      (void)::kill(1, signal);
    }
  }
  // Still there, and not stopped: its state is in the third field of stat.
  std::ifstream stat("/proc/1/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t end = line.rfind(')');
  const char state = end == std::string::npos ? '?' : line[end + 2];
  return tell("stopping or ending process 1", state != 'S' && state != 'R' && state != 'D', line);
}

// R2 (CVE-2024-21626): a descriptor that leads out.
Verdict descriptors(std::span<char*>) {
  Verdict verdict = Verdict::Blocked;
  for (int fd = 3; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) {
      verdict = either(verdict, tell("inherited descriptor", true, std::to_string(fd)));
    }
  }
  for (int fd = 0; fd < 3; ++fd) {
    const std::string up = "/proc/self/fd/" + std::to_string(fd) + "/../..";
    verdict = either(verdict, tell(up, ::chdir(up.c_str()) == 0));
  }
  return tell("descriptors", verdict == Verdict::Worked);
}

bool statusHas(const std::string& wanted) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line == wanted) {
      return true;
    }
  }
  return false;
}

// Only a limit of exactly 1 keeps the kernel from handing a crash to a program of the host, which
// it runs as root there (core_pattern with a pipe, core(5)): 0 does not.
Verdict coreLimit() {
  Verdict verdict = Verdict::Blocked;
  constexpr unsigned long kUpper = 0xdead00000000UL;
  for (const rlimit next : {rlimit{0, 0}, {0, 1}, {4096, 4096}, {RLIM_INFINITY, RLIM_INFINITY}}) {
    ::syscall(SYS_setrlimit, kUpper | RLIMIT_CORE, &next);
    ::syscall(SYS_prlimit64, 0, kUpper | RLIMIT_CORE, &next, nullptr);
    rlimit before{};
    ::syscall(SYS_prlimit64, ::getpid(), RLIMIT_CORE, &next, &before);
    rlimit now{};
    ::getrlimit(RLIMIT_CORE, &now);
    verdict =
        either(verdict, tell("another limit of core dumps", now.rlim_cur != 1 || now.rlim_max != 1,
                             std::to_string(next.rlim_cur)));
  }
  return verdict;
}

// R9 (CVE-2022-29162), R20, R22: what every process in here must have.
Verdict privileges(std::span<char*>) {
  Verdict verdict = Verdict::Blocked;
  for (const char* line : {"CapInh:\t0000000000000000", "CapAmb:\t0000000000000000",
                           "NoNewPrivs:\t1", "Seccomp:\t2"}) {
    verdict = either(verdict, tell(std::string("without ") + line, !statusHas(line)));
  }
  // SYS_PTRACE, SYS_ADMIN, SYS_MODULE, SYS_RAWIO, DAC_READ_SEARCH, NET_ADMIN, MKNOD, SETFCAP
  for (const int capability : {19, 21, 16, 17, 2, 12, 27, 31}) {
    const bool bound = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1;
    verdict = either(verdict, tell("capability", bound, std::to_string(capability)));
  }
  verdict = either(verdict, coreLimit());
  const pid_t child = ::fork();
  if (child == 0) {
    ::abort();
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return either(verdict, tell("a crash leaves a core", WCOREDUMP(status)));
}

// Who else is there? An argument is the name of a process that must not be seen.
Verdict neighbours(std::span<char*> arguments) {
  Verdict verdict = Verdict::Blocked;
  DIR* const proc = ::opendir("/proc");
  while (const dirent* entry = proc != nullptr ? ::readdir(proc) : nullptr) {
    std::ifstream file(std::string("/proc/") + entry->d_name + "/comm");
    std::string comm;
    if (std::getline(file, comm) && comm == arguments[0]) {
      verdict = tell("sees another's process", true, comm);
    }
  }
  return tell("neighbours", verdict == Verdict::Worked);
}

// Stops every child of process 1 as soon as it is seen: one that is between clone and exec takes
// the waiting agent with it.
Verdict freezer(std::span<char*>) {
  // Not the one that starts us.
  for (const pid_t parent = ::getppid(); ::getppid() == parent;) {
    ::sched_yield();
  }
  for (;;) {
    const pid_t newest = ::fork();
    if (newest == 0) {
      ::_exit(0);
    }
    ::waitpid(newest, nullptr, 0);
    for (pid_t pid = newest - 8; pid < newest + 32; ++pid) {
      if (pid > 1 && pid != ::getpid()) {
        (void)::kill(pid, SIGSTOP);
      }
    }
  }
}

constexpr Attack kAttacks[] = {
    {"agent", agent},           {"signals", signals},       {"descriptors", descriptors},
    {"privileges", privileges}, {"neighbours", neighbours}, {"freezer", freezer}};

}  // namespace

std::span<const Attack> processAttacks() {
  return kAttacks;
}

}  // namespace ak::hostile
