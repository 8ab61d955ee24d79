// Freezing on the hierarchies that this machine has.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

#include <gtest/gtest.h>

#include "base/text.h"
#include "os/cgroup.h"
#include "os/cgroup_files.h"

namespace ak::os {
namespace {

using std::chrono::milliseconds;

class FreezeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "making control groups needs root";
    }
    Result<BoxCgroup> made = tree_.make(id_, {});
    if (!made || tree_.version() == CgroupVersion::None) {
      GTEST_SKIP() << "no control groups here";
    }
    group_ = std::move(*made);
    void* const shared =
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    count_ = new (shared) std::atomic<std::uint64_t>(0);
  }

  void TearDown() override {
    if (child_ > 0) {
      group_.thaw();
      ::kill(-child_, SIGKILL);
      group_.killAll();
      while (::waitpid(-child_, nullptr, 0) > 0) {
      }
    }
    for (int tried = 0; tried < 1000 && !group_.remove(); ++tried) {
      ::poll(nullptr, 0, 5);  // the kernel frees it on its own time
    }
    EXPECT_TRUE(group_.remove());
  }

  // Some processes of the group that count for ever.
  void begin() {
    child_ = ::fork();
    if (child_ == 0) {
      ::setpgid(0, 0);
      const Result<std::vector<sys::OwnedFd>> entrances = group_.entrances();
      for (const sys::OwnedFd& entrance : *entrances) {
        (void)!::write(entrance.get(), "0", 1);
      }
      if (group_.cloneFd() >= 0) {
        (void)writeControl(group_.cloneFd(), "cgroup.procs", "0");
      }
      (void)::fork();
      (void)::fork();
      for (;;) {
        count_->fetch_add(1);
        ::poll(nullptr, 0, 1);
      }
    }
    const std::uint64_t before = count_->load();
    while (count_->load() < before + 100) {
      ::poll(nullptr, 0, 1);
    }
  }

  bool counts() const {
    const std::uint64_t before = count_->load();
    for (int tried = 0; tried < 100; ++tried) {
      ::poll(nullptr, 0, 1);
      if (count_->load() != before) {
        return true;
      }
    }
    return false;
  }

  const std::string id_ = cat("freeze-test-", ::getpid());
  CgroupTree tree_ = CgroupTree::discover();
  BoxCgroup group_;
  pid_t child_ = 0;
  std::atomic<std::uint64_t>* count_ = nullptr;
};

TEST_F(FreezeTest, NothingRunsUntilItIsThawed) {
  begin();
  for (int round = 0; round < 3; ++round) {
    const Status frozen = group_.freeze(milliseconds(5000));
    ASSERT_TRUE(frozen) << frozen.error().message;
    EXPECT_FALSE(counts()) << round;
    group_.thaw();
    EXPECT_TRUE(counts()) << round;
  }
}

TEST_F(FreezeTest, TheNextLauncherThawsWhatTheLastOneFroze) {
  begin();
  ASSERT_TRUE(group_.freeze(milliseconds(5000)));
  CgroupTree::discover().thaw("freeze-test-of-nobody");
  EXPECT_FALSE(counts());
  CgroupTree::discover().thaw(id_);
  EXPECT_TRUE(counts());
}

TEST_F(FreezeTest, AFrozenOneCanBeSweptAway) {
  begin();
  ASSERT_TRUE(group_.freeze(milliseconds(5000)));
  CgroupTree::discover().thaw(id_);
  (void)CgroupTree::discover().sweep(id_);
  while (::waitpid(-child_, nullptr, 0) > 0) {
  }
  EXPECT_FALSE(counts());
}

}  // namespace
}  // namespace ak::os
