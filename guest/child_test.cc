#include "guest/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "sys/owned_fd.h"

namespace ak::guest {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read = sys::OwnedFd(ends[0]);
    write = sys::OwnedFd(ends[1]);
  }

  sys::OwnedFd read;
  sys::OwnedFd write;
};

void end(pid_t pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

TEST(AwaitStartTest, AChildThatClosesItsEndHasStarted) {
  Pipe pipe;
  const pid_t child = ::fork();
  if (child == 0) {
    pipe.write.reset();
    for (;;) {
      ::pause();
    }
  }
  pipe.write.reset();
  EXPECT_TRUE(awaitStart(child, pipe.read.get()));
  end(child);
}

TEST(AwaitStartTest, AStoppedChildIsToldToGoOn) {
  Pipe pipe;
  const pid_t child = ::fork();
  if (child == 0) {
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  pipe.write.reset();
  EXPECT_TRUE(awaitStart(child, pipe.read.get()));
  end(child);
}

TEST(AwaitStartTest, AChildThatIsStoppedAgainAndAgainIsGivenUp) {
  Pipe pipe;
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) {
      ::raise(SIGSTOP);
    }
  }
  pipe.write.reset();
  EXPECT_FALSE(awaitStart(child, pipe.read.get()));
  end(child);
}

// A supervisor that a guest kills while its own child is stopped: the end of the pipe never closes.
TEST(AwaitStartTest, ADeadChildIsNotWaitedForThoughItsOwnChildHoldsThePipe) {
  Pipe pipe;
  Pipe told;
  const pid_t child = ::fork();
  if (child == 0) {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      for (;;) {
        ::pause();
      }
    }
    (void)!::write(told.write.get(), &grandchild, sizeof grandchild);
    ::_exit(0);
  }
  pipe.write.reset();
  pid_t grandchild = 0;
  ASSERT_EQ(::read(told.read.get(), &grandchild, sizeof grandchild),
            static_cast<ssize_t>(sizeof grandchild));
  EXPECT_FALSE(awaitStart(child, pipe.read.get()));
  end(child);
  end(grandchild);  // ours by now: strays_test.cc
}

}  // namespace
}  // namespace ak::guest
