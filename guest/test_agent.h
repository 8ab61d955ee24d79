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

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/text.h"
#include "guest/contract.h"
#include "guest/processes.h"
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
    living().insert(pid_);
    pidfd_ = std::move(*sys::openPidFd(pid_));
  }

  ~TestAgent() {
    if (waited_) {
      EXPECT_EQ(strays(), std::vector<pid_t>()) << "an agent that ends leaves nothing";
    } else {
      ::kill(pid_, SIGKILL);
      wait();
      // No pid namespace ends with an agent that is an ordinary process; the test does it instead.
      endStrays();
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
    const sock_filter allow_all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    rules.child_filter.assign(reinterpret_cast<const char*>(&allow_all), sizeof allow_all);
    return rules;
  }

  // Waits until the agent has ended; its wait status, or nullopt after kPatience.
  std::optional<int> wait() {
    pollfd poll{pidfd_.get(), POLLIN, 0};
    if (::poll(&poll, 1, 20'000) != 1) {
      return std::nullopt;
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    living().erase(pid_);
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

  // Processes below this one that no living agent of a test has; strays_test.cc makes us their
  // reaper.
  static std::vector<pid_t> strays() {
    const auto processes = Processes::open();
    auto found = processes ? processes->descendants(::getpid()) : Result<std::vector<pid_t>>();
    std::vector<pid_t> all = found.value_or(std::vector<pid_t>());
    for (const pid_t agent : living()) {
      const auto below = processes->descendants(agent).value_or(std::vector<pid_t>());
      std::erase_if(all, [&](pid_t pid) {
        return pid == agent || std::ranges::find(below, pid) != below.end();
      });
    }
    return all;
  }

  const std::string key = randomBytes(wire::kKeySize);

 private:
  static std::set<pid_t>& living() {
    static std::set<pid_t> pids;
    return pids;
  }

  static void endStrays() {
    for (std::vector<pid_t> left = strays(); !left.empty(); left = strays()) {
      for (const pid_t pid : left) {
        ::kill(pid, SIGKILL);
      }
      ::waitpid(left.front(), nullptr, 0);  // ours at once, or when its parent has ended
    }
  }

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
