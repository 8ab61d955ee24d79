#include "os/seccomp.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>

#include <gtest/gtest.h>

#include "sys/owned_fd.h"

namespace ak::os {
namespace {

// The errno of `call` (0: it worked) in a child under the filter; -signal when it was killed.
int under(const std::string& filter, const std::function<long()>& call) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        installSeccomp(filter.data(), filter.size()) != 0) {
      ::_exit(250);
    }
    ::_exit(call() < 0 ? errno : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class SeccompTest : public ::testing::TestWithParam<model::SeccompSet> {
 protected:
  std::string filter() {
    auto compiled = compileSeccomp(GetParam());
    EXPECT_TRUE(compiled.has_value());
    return compiled ? *compiled : std::string();
  }
};

// Whatever call makes or changes a file: -1 with EPERM when the mode is set-id, else it works.
TEST_P(SeccompTest, SetIdFilesAreRefusedWhereHostFilesAreWritten) {
  const auto compiled = compileSeccomp(GetParam(), SetIdFiles::Refused);
  ASSERT_TRUE(compiled);
  char pattern[] = "/tmp/ak-setid-XXXXXX";
  const sys::OwnedFd file(::mkstemp(pattern));
  const std::string other = std::string(pattern) + ".made";
  const char* const path = pattern;
  const char* const made = other.c_str();
  const int fd = file.get();
  const std::function<long(mode_t)> calls[] = {
      [=](mode_t mode) { return ::syscall(SYS_chmod, path, mode); },
      [=](mode_t mode) { return ::syscall(SYS_fchmod, fd, mode); },
      [=](mode_t mode) { return ::syscall(SYS_fchmodat, AT_FDCWD, path, mode); },
      [=](mode_t mode) { return ::syscall(SYS_creat, path, mode); },
      [=](mode_t mode) { return ::syscall(SYS_open, path, O_CREAT | O_RDWR, mode); },
      [=](mode_t mode) { return ::syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_RDWR, mode); },
      [=](mode_t mode) {
        return ::syscall(SYS_openat, AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR, mode);
      },
  };
  for (const auto& call : calls) {
    EXPECT_EQ(under(*compiled, [&] { return call(0755); }), 0);
    EXPECT_EQ(under(*compiled, [&] { return call(04755); }), EPERM);
    EXPECT_EQ(under(*compiled, [&] { return call(02755); }), EPERM);
    EXPECT_EQ(under(filter(), [&] { return call(04755); }), 0) << "the probe would see it work";
  }
  const auto make = [=](mode_t mode) {
    return ::syscall(SYS_mknodat, AT_FDCWD, made, S_IFREG | mode, 0);
  };
  EXPECT_EQ(under(*compiled, [&] { return make(04755); }), EPERM);
  EXPECT_EQ(under(*compiled, [=] { return ::syscall(452, AT_FDCWD, path, 04755, 0); }), EPERM)
      << "fchmodat2";
  // Without a flag that makes a file the mode is garbage and harmless.
  EXPECT_EQ(under(*compiled, [=] { return ::syscall(SYS_open, path, O_RDONLY, 04755); }), 0);
  ::unlink(path);
  ::unlink(made);
}

TEST_P(SeccompTest, OrdinaryWorkIsUntouched) {
  const std::string bpf = filter();
  EXPECT_EQ(under(bpf, [] { return ::open("/dev/null", O_RDONLY); }), 0);
  EXPECT_EQ(under(bpf, [] { return ::socket(AF_INET, SOCK_STREAM, 0); }), 0);
  EXPECT_EQ(under(bpf, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }), 0);
  EXPECT_EQ(under(bpf, [] { return ::socket(AF_NETLINK, SOCK_RAW, 0); }), 0);
  EXPECT_EQ(under(bpf, [] { return ::personality(0xffffffff); }), 0);
  EXPECT_EQ(under(bpf,
                  [] {
                    const pid_t pid = ::fork();
                    if (pid == 0) {
                      ::_exit(0);
                    }
                    return static_cast<long>(::waitpid(pid, nullptr, 0));
                  }),
            0);
  EXPECT_EQ(under(bpf,
                  [] {
                    char name[] = "true";
                    char* argv[] = {name, nullptr};
                    ::execv("/bin/true", argv);
                    return -1L;
                  }),
            0);
}

TEST_P(SeccompTest, NamespacesAreRefusedByEveryDoor) {
  const std::string bpf = filter();
  EXPECT_EQ(under(bpf, [] { return ::unshare(CLONE_NEWUSER); }), EPERM);
  EXPECT_EQ(under(bpf, [] { return ::syscall(SYS_setns, -1, 0); }), EPERM);
  EXPECT_EQ(under(bpf, [] { return ::syscall(SYS_clone3, nullptr, 0); }), ENOSYS);
  for (const long flag : {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID}) {
    EXPECT_EQ(under(bpf, [&] { return ::syscall(SYS_clone, flag | SIGCHLD, 0, 0, 0, 0); }), EPERM);
  }
}

TEST_P(SeccompTest, KernelSurfaceIsClosed) {
  const std::string bpf = filter();
  for (const long call :
       {SYS_bpf,           SYS_perf_event_open, SYS_userfaultfd,       SYS_io_uring_setup,
        SYS_keyctl,        SYS_add_key,         SYS_request_key,       SYS_kexec_load,
        SYS_init_module,   SYS_finit_module,    SYS_delete_module,     SYS_mount,
        SYS_umount2,       SYS_fsopen,          SYS_open_tree,         SYS_move_mount,
        SYS_mount_setattr, SYS_pivot_root,      SYS_open_by_handle_at, SYS_quotactl,
        SYS_reboot,        SYS_swapon,          SYS_clock_settime,     SYS_settimeofday}) {
    EXPECT_EQ(under(bpf, [&] { return ::syscall(call, -1, 0, 0, 0, 0, 0); }), EPERM) << call;
  }
}

TEST_P(SeccompTest, TerminalInjectionIsRefusedWhateverTheUpperHalf) {
  const std::string bpf = filter();
  char c = 'x';
  EXPECT_EQ(under(bpf, [&] { return ::syscall(SYS_ioctl, 0, TIOCSTI, &c); }), EPERM);
  EXPECT_EQ(under(bpf, [&] { return ::syscall(SYS_ioctl, 0, 0xdead00000000UL | TIOCSTI, &c); }),
            EPERM);
  EXPECT_EQ(under(bpf, [&] { return ::syscall(SYS_ioctl, 0, TIOCLINUX, &c); }), EPERM);
}

TEST_P(SeccompTest, LeasesAndNotificationsOnSharedFilesAreRefused) {
  const std::string bpf = filter();
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  for (const unsigned long command : {F_SETLEASE, F_NOTIFY}) {
    EXPECT_EQ(under(bpf, [&] { return ::syscall(SYS_fcntl, file, command, F_RDLCK); }), EPERM);
    EXPECT_EQ(
        under(bpf, [&] { return ::syscall(SYS_fcntl, file, 0xdead00000000UL | command, F_RDLCK); }),
        EPERM);
  }
  EXPECT_EQ(under(bpf, [&] { return ::syscall(SYS_fcntl, file, F_GETFD); }), 0);
  ::close(file);
}

TEST_P(SeccompTest, TheLimitOfCoreDumpsStaysAndProgramsThatSetItGoOn) {
  const std::string bpf = filter();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &before), 0);
  // Another one, allowed to anybody.
  const rlimit next{before.rlim_cur == 0 ? before.rlim_max : 0, before.rlim_max};
  for (const unsigned long upper : {0UL, 0xdead00000000UL}) {
    const unsigned long core = upper | RLIMIT_CORE;
    EXPECT_EQ(under(bpf,
                    [&] {
                      rlimit now{};
                      return ::syscall(SYS_setrlimit, core, &next) == 0 &&
                                     ::syscall(SYS_prlimit64, 0, core, &next, nullptr) == 0 &&
                                     ::getrlimit(RLIMIT_CORE, &now) == 0 &&
                                     now.rlim_cur == before.rlim_cur
                                 ? 0L
                                 : -1L;
                    }),
              0);
    rlimit old{};
    EXPECT_EQ(under(bpf, [&] { return ::syscall(SYS_prlimit64, 0, core, &next, &old); }), EPERM);
  }
  // The others are the program's own.
  EXPECT_EQ(under(bpf,
                  [] {
                    const rlimit files{64, 64};
                    rlimit now{};
                    return ::setrlimit(RLIMIT_NOFILE, &files) == 0 &&
                                   ::getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_max == 64
                               ? 0L
                               : -1L;
                  }),
            0);
}

TEST_P(SeccompTest, OddSocketFamiliesAreRefused) {
  const std::string bpf = filter();
  for (const int family :
       {AF_PACKET, AF_ALG, AF_VSOCK, AF_BLUETOOTH, AF_CAN, AF_X25, AF_RDS, AF_TIPC, 45}) {
    EXPECT_EQ(under(bpf, [&] { return ::socket(family, SOCK_DGRAM, 0); }), EAFNOSUPPORT) << family;
  }
  EXPECT_EQ(under(bpf, [] { return ::socket(AF_NETLINK, SOCK_RAW, 12); }), EPROTONOSUPPORT);
}

TEST_P(SeccompTest, PersonalitiesThatWeakenAreRefused) {
  const std::string bpf = filter();
  for (const unsigned long persona : {0x0040000UL, 0x0400000UL, 0x0100000UL, 8UL, 0x80000000UL}) {
    EXPECT_EQ(under(bpf, [&] { return ::syscall(SYS_personality, persona); }), EPERM) << persona;
  }
}

#ifdef __x86_64__
TEST_P(SeccompTest, OtherCallAbisAreKilled) {
  const std::string bpf = filter();
  // x32: getpid with the x32 bit.
  EXPECT_EQ(under(bpf, [] { return ::syscall(0x40000000L | SYS_getpid); }), -SIGSYS);
  // 32-bit: int 0x80 with the 32-bit number of getpid.
  EXPECT_EQ(
      under(bpf,
            [] {
              long result = 20;
              __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
              return result;
            }),
      -SIGSYS);
}
#endif

TEST_P(SeccompTest, DebuggingDependsOnTheSet) {
  const int error = under(filter(), [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); });
  EXPECT_EQ(error, GetParam() == model::SeccompSet::Default ? 0 : EPERM);
}

TEST_P(SeccompTest, CallsThatDoNotExistYetAreRefusedByTheLists) {
  const int error = under(filter(), [] { return ::syscall(800); });
  const bool listed =
      GetParam() == model::SeccompSet::Restrictive || GetParam() == model::SeccompSet::AiAgent;
  EXPECT_EQ(error, listed ? EPERM : ENOSYS);
}

INSTANTIATE_TEST_SUITE_P(Sets,
                         SeccompTest,
                         ::testing::Values(model::SeccompSet::Default,
                                           model::SeccompSet::Moderate,
                                           model::SeccompSet::Restrictive,
                                           model::SeccompSet::AiAgent));

TEST(AgentSeccompTest, TheAgentMayClone3AndInstallFiltersButNotMount) {
  const auto base = compileAgentSeccomp();
  ASSERT_TRUE(base.has_value());
  EXPECT_EQ(under(*base, [] { return ::syscall(SYS_clone3, nullptr, 0); }), EINVAL);
  EXPECT_EQ(under(*base, [] { return ::syscall(SYS_mount, 0, 0, 0, 0, 0); }), EPERM);
  const auto child = compileSeccomp(model::SeccompSet::Restrictive);
  EXPECT_EQ(
      under(*base, [&] { return installSeccomp(child->data(), child->size()) == 0 ? 0 : -1; }), 0);
}

TEST(AgentSeccompTest, FiltersStaySmall) {
  for (const auto set : {model::SeccompSet::Default, model::SeccompSet::AiAgent}) {
    EXPECT_LT(compileSeccomp(set)->size() / sizeof(sock_filter), 1500U);
  }
}

}  // namespace
}  // namespace ak::os
