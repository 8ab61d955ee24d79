#pragma once

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "base/text.h"
#include "guest/contract.h"
#include "guest/test_client.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

// Starts the real ak-agent for a test and ends it with the test.
namespace ak::guest::test {

enum class Role { Process, Init };  // an ordinary process, or PID 1 of new namespaces

class TestAgent {
 public:
  explicit TestAgent(Role role, int cgroup = -1, uid_t user = 0) {
    char name[] = "/tmp/ak-agent-test-XXXXXX";
    directory_ = ::mkdtemp(name);
    socket_path_ = directory_ + "/socket";
    sys::OwnedFd listener = std::move(*sys::listenUnix(socket_path_, sys::SocketKind::Stream));
    const unsigned long namespaces =
        role == Role::Init ? CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC : 0UL;
    pid_ = static_cast<pid_t>(
        ::syscall(SYS_clone, namespaces | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (pid_ == 0) {
      become(role, listener.get(), cgroup, user);
    }
    pidfd_ = std::move(*sys::openPidFd(pid_));
  }

  ~TestAgent() {
    if (!waited_) {
      ::kill(pid_, SIGKILL);
      wait();
    }
    std::filesystem::remove_all(directory_);
  }

  TestClient connect() {
    return TestClient(std::move(*sys::connectUnix(socket_path_, sys::SocketKind::Stream)));
  }

  // A first session with a key and these rules.
  TestClient begin(wire::SandboxRules rules = defaultRules()) {
    TestClient client = connect();
    EXPECT_TRUE(client.first(key, rules));
    return client;
  }

  static wire::SandboxRules defaultRules() {
    wire::SandboxRules rules;
    rules.base_environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "BASE=yes"};
    return rules;
  }

  // Waits until the agent has ended; its wait status, or nullopt after kPatience.
  std::optional<int> wait() {
    pollfd poll{pidfd_.get(), POLLIN, 0};
    if (::poll(&poll, 1, 20'000) != 1) {
      return std::nullopt;
    }
    const sock_filter allow_all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    rules.child_filter.assign(reinterpret_cast<const char*>(&allow_all), sizeof allow_all);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    waited_ = true;
    return status;
  }

  bool running() const { return ::kill(pid_, 0) == 0; }

  pid_t pid() const { return pid_; }

  const std::string& directory() const { return directory_; }

  std::size_t residentBytes() const {
    const auto statm = sys::readFile(cat("/proc/", pid_, "/statm"), 4096);
    return statm ? parseNumber<std::size_t>(split(*statm, ' ')[1]).value_or(0) * 4096 : 0;
  }

  const std::string key = randomBytes(wire::kKeySize);

 private:
  [[noreturn]] static void become(Role role, int listener, int cgroup, uid_t user) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (role == Role::Init) {
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
      ::mount("proc", "/proc", "proc", 0, nullptr);
    }
    const int high = ::fcntl(listener, F_DUPFD, 100);
    const int high_cgroup = cgroup >= 0 ? ::fcntl(cgroup, F_DUPFD, 100) : -1;
    ::close(kCgroupFd);
    ::dup2(high, kListenerFd);
    if (high_cgroup >= 0) {
      ::dup2(high_cgroup, kCgroupFd);
    }
    ::syscall(SYS_close_range, kCgroupFd + 1U, ~0U, 0U);
    [[maybe_unused]] const int moved = ::chdir("/");
    if (user != 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 ||
                      ::setresuid(user, user, user) != 0)) {
      ::_exit(98);
    }
    char name[] = "ak-agent";
    char* argv[] = {name, nullptr};
    char* environment[] = {nullptr};
    ::execve(AK_BIN_DIR "/ak-agent", argv, environment);
    ::_exit(99);
  }

  std::string directory_;
  std::string socket_path_;
  sys::OwnedFd pidfd_;
  pid_t pid_ = -1;
  bool waited_ = false;
};

}  // namespace ak::guest::test
