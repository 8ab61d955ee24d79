// An ordinary user's groups below one that was delegated to it (cgroups(7), "Delegation"): in
// children that see only version 2, for whoever finds our groups moves itself and its neighbours.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/text.h"
#include "os/cgroup.h"
#include "os/testing/pure_cgroup_v2.h"
#include "sys/file.h"

namespace ak::os {
namespace {

constexpr uid_t kUser = 65534;
constexpr const char* kBox = "0192-abcd";

// A group of the user's.
class Delegated {
 public:
  explicit Delegated(const std::string& mount) : directory_(mount + name_) {
    EXPECT_EQ(::mkdir(directory_.c_str(), 0755), 0) << errnoText(errno);
    for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control"}) {
      EXPECT_EQ(::chown(cat(directory_, file).c_str(), kUser, kUser), 0) << file;
    }
  }

  ~Delegated() {
    waitUntilEmpty();
    remove(directory_);
  }

  Delegated(const Delegated&) = delete;
  Delegated& operator=(const Delegated&) = delete;

  // The exit status of `work` in a child in the group, as its user.
  template <typename F>
  int run(F work) const {
    const pid_t child = ::fork();
    if (child == 0) {
      if (!testing::hideCgroupV1() || !join() || ::setgid(kUser) != 0 || ::setuid(kUser) != 0) {
        ::_exit(100);
      }
      ::_exit(work());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // In a child: all that its group holds sits in one leaf.
  bool hasRoom() const {
    const auto own = sys::readFile("/proc/self/cgroup", 1 << 16);
    const auto left = sys::readFile(cat("/sys/fs/cgroup", name_, "/cgroup.procs"), 1 << 16);
    return own && own->contains(cat("0::", name_, "/agentkernel-daemon\n")) && left &&
           left->empty();
  }

  bool holds(const std::string& box) const {
    return ::access(cat("/sys/fs/cgroup", name_, "/agentkernel/", box).c_str(), F_OK) == 0;
  }

 private:
  // Killed is not gone: the kernel says when (cgroup.events).
  void waitUntilEmpty() const {
    const auto events = sys::openPath(directory_ + "/cgroup.events", O_RDONLY);
    ASSERT_TRUE(events) << events.error().message;
    pollfd state{events->get(), POLLPRI, 0};
    constexpr int kMost = 10'000;
    do {
      char text[256] = {};
      ASSERT_GT(::pread(events->get(), text, sizeof text - 1, 0), 0);
      if (std::string_view(text).contains("populated 0")) {
        return;
      }
    } while (::poll(&state, 1, kMost) > 0);
    ADD_FAILURE() << "processes stay in " << directory_;
  }

  // A control group's files go with it.
  static void remove(const std::string& group) {
    for (const auto& entry : std::filesystem::directory_iterator(group)) {
      if (entry.is_directory()) {
        remove(entry.path());
      }
    }
    EXPECT_EQ(::rmdir(group.c_str()), 0) << group << ": " << errnoText(errno);
  }

  bool join() const {
    const auto procs = sys::openPath(cat("/sys/fs/cgroup", name_, "/cgroup.procs"), O_WRONLY);
    return procs && sys::writeAll(procs->get(), "0").has_value();
  }

  const std::string name_ = cat("/ak-os-test-", ::getpid());
  const std::string directory_;
};

class DelegatedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "needs root to delegate a group";
    }
    const auto mountinfo = sys::readFile("/proc/self/mountinfo", 4 << 20);
    mount_ = parseCgroupMounts(mountinfo.value_or("")).v2;
    if (mount_.empty()) {
      GTEST_SKIP() << "no version 2 hierarchy here";
    }
  }

  std::string mount_;
};

// Processes that start others all the time; each has begun to.
std::vector<pid_t> neighbours() {
  constexpr std::size_t kMany = 8;
  std::vector<pid_t> all;
  int begun[2];
  if (::pipe(begun) != 0) {
    return all;
  }
  while (all.size() < kMany) {
    const pid_t one = ::fork();
    while (one == 0) {
      const pid_t brief = ::vfork();
      if (brief == 0) {
        ::_exit(0);
      }
      ::waitpid(brief, nullptr, 0);
      (void)!::write(begun[1], "", 1);
      ::close(begun[1]);
    }
    all.push_back(one);
  }
  ::close(begun[1]);
  char byte = 0;
  while (::read(begun[0], &byte, 1) > 0) {
  }
  ::close(begun[0]);
  return all;
}

// As a launcher that follows another one: it was started by what the first has moved.
TEST_F(DelegatedTest, TheNextOneFindsTheGroupsOfTheLast) {
  const Delegated group(mount_);
  EXPECT_EQ(group.run([&] {
    CgroupTree first = CgroupTree::discover();
    if (first.version() != CgroupVersion::V2 || !group.hasRoom() || !first.make(kBox, {})) {
      return 1;
    }
    CgroupTree next = CgroupTree::discover();
    if (next.version() != CgroupVersion::V2 || !group.hasRoom()) {
      return 2;
    }
    return group.holds(kBox) && next.sweep(kBox) && !group.holds(kBox) ? 0 : 3;
  }),
            0);
}

// A shell's other children come and go while all of them are moved.
TEST_F(DelegatedTest, NeighboursThatBeginAndEndMeanwhileAreNoHindrance) {
  for (int i = 0; i < 20 && !HasFailure(); ++i) {
    const Delegated group(mount_);
    EXPECT_EQ(group.run([&] {
      const std::vector<pid_t> busy = neighbours();
      const CgroupTree tree = CgroupTree::discover();
      const bool good = tree.version() == CgroupVersion::V2 && group.hasRoom();
      for (const pid_t one : busy) {
        ::kill(one, SIGKILL);
      }
      return good ? 0 : 1;
    }),
              0);
  }
}

}  // namespace
}  // namespace ak::os
