#include "os/seccomp.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include <seccomp.h>

#include "base/text.h"
#include "os/seccomp_sets.h"
#include "sys/file.h"
#include "sys/owned_fd.h"

namespace ak::os {

namespace {

using Program = std::vector<sock_filter>;

// What follows the call numbers in sched.h is not in every C library.
constexpr std::uint64_t kNamespaceFlags[] = {CLONE_NEWNS,    CLONE_NEWUSER, CLONE_NEWPID,
                                             CLONE_NEWNET,   CLONE_NEWIPC,  CLONE_NEWUTS,
                                             CLONE_NEWCGROUP};

// Calls that libseccomp of this age cannot name but kernels have; since 5.0 all architectures
// number alike (Documentation/process/adding-syscalls.rst).
int numberOf(std::string_view name) {
  const int number = ::seccomp_syscall_resolve_name(name.data());
  if (number >= 0) {
    return number;
  }
  return name == "fchmodat2" ? 452 : name == "open_tree_attr" ? 467 : number;
}

class Compiler {
 public:
  explicit Compiler(std::uint32_t otherwise)
      : context_(::seccomp_init(otherwise), ::seccomp_release) {
    note(context_ ? 0 : -ENOMEM);
    note(::seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
    // A binary tree instead of a list: fewer instructions per call.
    note(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
  }

  // Names that this architecture or this libseccomp does not know are left to the default.
  void add(const char* name, std::uint32_t action, std::vector<scmp_arg_cmp> when = {}) {
    const int number = numberOf(name);
    if (number >= 0) {
      note(::seccomp_rule_add_array(context_.get(), action, number,
                                    static_cast<unsigned>(when.size()), when.data()));
    }
  }

  Result<Program> finish() {
    if (error_ != 0) {
      return failErrno(-error_, "compiling a seccomp filter");
    }
    const sys::OwnedFd file(::memfd_create("filter", MFD_CLOEXEC));
    if (!file.valid()) {
      return failErrno("memfd_create");
    }
    const int exported = ::seccomp_export_bpf(context_.get(), file.get());
    if (exported != 0) {
      return failErrno(-exported, "exporting a seccomp filter");
    }
    if (::lseek(file.get(), 0, SEEK_SET) != 0) {
      return failErrno("lseek");
    }
    const std::string bytes = AK_TRY(sys::readAll(file.get(), sizeof(sock_filter) * BPF_MAXINSNS));
    Program program(bytes.size() / sizeof(sock_filter));
    std::memcpy(program.data(), bytes.data(), program.size() * sizeof(sock_filter));
    return program;
  }

 private:
  void note(int result) { error_ = error_ != 0 ? error_ : result; }

  std::unique_ptr<void, void (*)(void*)> context_;
  int error_ = 0;
};

scmp_arg_cmp bits(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

constexpr std::uint32_t refuse(int error) {
  return SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error));
}

void refuseSocketFamilies(Compiler& rules) {
  // Left are unix (1), inet (2), inet6 (10) and netlink (16). A value with bits above the 32 that
  // the kernel looks at is greater than 16 too, and refused.
  for (std::uint64_t family = 3; family < AF_NETLINK; ++family) {
    if (family != AF_INET6) {
      rules.add("socket", refuse(EAFNOSUPPORT), {{0, SCMP_CMP_EQ, family, 0}});
    }
  }
  rules.add("socket", refuse(EAFNOSUPPORT), {{0, SCMP_CMP_GT, AF_NETLINK, 0}});
  // Of netlink only routing (0), which getifaddrs() needs: netfilter, crypto and the like are where
  // the bugs are.
  rules.add("socket", refuse(EPROTONOSUPPORT),
            {{0, SCMP_CMP_EQ, AF_NETLINK, 0}, {2, SCMP_CMP_NE, 0, 0}});
}

// Only "what is it?" (0xffffffff) and "plain Linux" (0): others switch off address randomisation or
// make data executable.
void refusePersonalities(Compiler& rules) {
  constexpr std::uint64_t kTop = 0x80000000U;
  for (unsigned bit = 0; bit < 31; ++bit) {
    const std::uint64_t one = std::uint64_t{1} << bit;
    rules.add("personality", refuse(EPERM), {bits(0, kTop | one, one)});
    rules.add("personality", refuse(EPERM), {bits(0, kTop | one, kTop)});
  }
}

// The limit of core dumps is 1, and any other, 0 too, would let a crash start a program of the host
// (launch/child_process.cc). Programs that switch their dumps off (gpg ends when it cannot) are
// told that it worked: there are none. With a place for the old limit, which a filter cannot fill:
// refused.
void keepCoreLimit(Compiler& rules) {
  constexpr std::uint64_t kNumber = 0xffffffffU;
  rules.add("setrlimit", refuse(0), {bits(0, kNumber, RLIMIT_CORE)});
  rules.add("prlimit64", refuse(0),
            {bits(1, kNumber, RLIMIT_CORE), {2, SCMP_CMP_NE, 0, 0}, {3, SCMP_CMP_EQ, 0, 0}});
  rules.add("prlimit64", refuse(EPERM),
            {bits(1, kNumber, RLIMIT_CORE), {2, SCMP_CMP_NE, 0, 0}, {3, SCMP_CMP_NE, 0, 0}});
}

// Every call that gives a file its mode. With open and openat the mode counts only together with
// one of the flags that make a file; without them it is garbage.
void refuseSetIdFiles(Compiler& rules) {
  constexpr std::uint64_t kMakesTemporary = O_TMPFILE & ~O_DIRECTORY;

  struct Call {
    const char* name;
    unsigned mode;
  };

  for (const std::uint64_t bit : {S_ISUID, S_ISGID}) {
    for (const Call& call : {Call{"chmod", 1},
                             {"fchmod", 1},
                             {"fchmodat", 2},
                             {"fchmodat2", 2},
                             {"mknod", 1},
                             {"mknodat", 2},
                             {"creat", 1}}) {
      rules.add(call.name, refuse(EPERM), {bits(call.mode, bit, bit)});
    }
    for (const std::uint64_t flag : {std::uint64_t{O_CREAT}, kMakesTemporary}) {
      rules.add("open", refuse(EPERM), {bits(1, flag, flag), bits(2, bit, bit)});
      rules.add("openat", refuse(EPERM), {bits(2, flag, flag), bits(3, bit, bit)});
    }
  }
  rules.add("openat2", refuse(ENOSYS));
}

// Rules by argument, for every guest. Masks of 32 bits where the kernel ignores the rest:
// else a garbage upper half would pass (CVE-2019-10063).
Result<Program> argumentRules(SetIdFiles files) {
  Compiler rules(SCMP_ACT_ALLOW);
  for (const std::uint64_t flag : kNamespaceFlags) {
    rules.add("clone", refuse(EPERM), {bits(0, flag, flag)});
  }
  rules.add("clone3", refuse(ENOSYS));
  for (const std::uint64_t command : {TIOCSTI, TIOCLINUX}) {
    rules.add("ioctl", refuse(EPERM), {bits(1, 0xffffffffU, command)});
  }
  // A lease on a file that the host shares holds up its writers there, and a notification tells of
  // them (fcntl(2)).
  for (const std::uint64_t command : {F_SETLEASE, F_NOTIFY}) {
    rules.add("fcntl", refuse(EPERM), {bits(1, 0xffffffffU, command)});
  }
  keepCoreLimit(rules);
  refuseSocketFamilies(rules);
  refusePersonalities(rules);
  if (files == SetIdFiles::Refused) {
    refuseSetIdFiles(rules);
  }
  return rules.finish();
}

Result<Program> listRules(model::SeccompSet set) {
  const bool listed = set == model::SeccompSet::Restrictive || set == model::SeccompSet::AiAgent;
  Compiler rules(listed ? refuse(EPERM) : SCMP_ACT_ALLOW);
  if (listed) {
    for (const char* name : ordinaryCalls()) {
      rules.add(name, SCMP_ACT_ALLOW);
    }
    if (set == model::SeccompSet::AiAgent) {
      for (const char* name : agentToolCalls()) {
        rules.add(name, SCMP_ACT_ALLOW);
      }
    }
    return rules.finish();
  }
  for (const char* name : alwaysRefused()) {
    rules.add(name, refuse(EPERM));
  }
  if (set == model::SeccompSet::Moderate) {
    for (const char* name : debuggingCalls()) {
      rules.add(name, refuse(EPERM));
    }
  }
  return rules.finish();
}

// One program that allows what both allow: each "allow" of the first becomes a jump to the second.
Program both(const Program& first, const Program& second) {
  Program joined = first;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (first[i].code == (BPF_RET | BPF_K) && first[i].k == SECCOMP_RET_ALLOW) {
      joined[i] = {BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(first.size() - i - 1)};
    }
  }
  joined.insert(joined.end(), second.begin(), second.end());
  return joined;
}

Result<std::string> bytesOf(const Program& program) {
  if (program.empty() || program.size() > BPF_MAXINSNS) {
    return fail(ErrorCode::Internal, cat("a seccomp filter of ", program.size(), " instructions"));
  }
  return std::string(reinterpret_cast<const char*>(program.data()),
                     program.size() * sizeof(sock_filter));
}

}  // namespace

Result<std::string> compileSeccomp(model::SeccompSet set, SetIdFiles files) {
  const Program arguments = AK_TRY(argumentRules(files));
  const Program list = AK_TRY(listRules(set));
  return bytesOf(both(arguments, list));
}

Result<std::string> compileAgentSeccomp() {
  // The agent may use clone3 (CLONE_INTO_CGROUP); what it starts may not, by its own filter.
  return bytesOf(AK_TRY(listRules(model::SeccompSet::Default)));
}

}  // namespace ak::os
