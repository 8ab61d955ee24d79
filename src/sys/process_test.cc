#include "sys/process.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <gtest/gtest.h>

#include "sys/random.h"

namespace ak::sys {
namespace {

// A child that waits for ever, ended with the test.
class WaitingChild {
 public:
  WaitingChild() : pid_(::fork()) {
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      // A name that would lead a careless reader of /proc/PID/stat astray.
      ::prctl(PR_SET_NAME, ") S 1 (x) R");
      for (;;) {
        ::pause();
      }
    }
  }

  ~WaitingChild() { end(); }

  WaitingChild(const WaitingChild&) = delete;
  WaitingChild& operator=(const WaitingChild&) = delete;

  pid_t pid() const { return pid_; }

  void end() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }

 private:
  pid_t pid_;
};

TEST(ProcessTest, IdentityIsStableAndSurvivesHostileNames) {
  const WaitingChild child;
  const Result<ProcessId> first = processId(child.pid());
  ASSERT_TRUE(first);
  EXPECT_GT(first->start_ticks, 0U);
  EXPECT_EQ(processId(child.pid()), first);
  EXPECT_GE(first->start_ticks, processId(::getpid())->start_ticks);
}

TEST(ProcessTest, AProcessThatIsGoneIsNotFoundEverywhere) {
  WaitingChild child;
  const ProcessId id = processId(child.pid()).value();
  const Result<OwnedFd> fd = openPidFd(child.pid());
  ASSERT_TRUE(fd);
  child.end();
  EXPECT_EQ(processId(id.pid).error().code, ErrorCode::NotFound);
  EXPECT_EQ(openPidFd(id.pid).error().code, ErrorCode::NotFound);
  EXPECT_EQ(openProcess(id).error().code, ErrorCode::NotFound);
  EXPECT_EQ(signalPidFd(fd->get(), SIGTERM).error().code, ErrorCode::NotFound);
}

TEST(ProcessTest, AReusedPidIsNotMistakenForTheOldProcess) {
  const WaitingChild child;
  ProcessId id = processId(child.pid()).value();
  EXPECT_TRUE(openProcess(id));
  id.start_ticks -= 1;
  EXPECT_EQ(openProcess(id).error().code, ErrorCode::NotFound);
}

TEST(ProcessTest, WaitTellsCodesAndSignalsApart) {
  const pid_t exits = ::fork();
  if (exits == 0) {
    ::_exit(143);  // what a shell would say for SIGTERM
  }
  const OwnedFd exits_fd = openPidFd(exits).value();
  EXPECT_EQ(waitPidFd(exits_fd.get()), (ExitStatus{.code = 143, .signal = 0}));

  const WaitingChild child;
  const OwnedFd fd = openPidFd(child.pid()).value();
  ASSERT_TRUE(signalPidFd(fd.get(), SIGTERM));
  EXPECT_EQ(waitPidFd(fd.get()), (ExitStatus{.code = 0, .signal = SIGTERM}));
  EXPECT_FALSE(waitPidFd(fd.get()));  // reaped already
}

TEST(ProcessTest, APidFdBecomesReadableWhenTheProcessEnds) {
  const WaitingChild child;
  const OwnedFd fd = openPidFd(child.pid()).value();
  pollfd poll{fd.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&poll, 1, 0), 0);
  ASSERT_TRUE(signalPidFd(fd.get(), SIGKILL));
  EXPECT_EQ(::poll(&poll, 1, 10000), 1);
}

TEST(ProcessTest, BootIdIsOneUuid) {
  const std::string id = bootId().value();
  EXPECT_EQ(id.size(), 36U);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef-"), std::string::npos);
}

TEST(KernelRandomTest, FillsAnySizeDifferentlyEachTime) {
  KernelRandom random;
  EXPECT_EQ(random.hex(0), "");
  EXPECT_EQ(random.hex(16).size(), 32U);
  EXPECT_NE(random.hex(16), random.hex(16));
  EXPECT_EQ(random.hex(1 << 20).size(), std::size_t{2} << 20U);
}

}  // namespace
}  // namespace ak::sys
