// `agentkernel run -t` on a real pseudo terminal: the guest has a terminal of the right size, and
// however the program leaves, the user's terminal is as it was.
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "scratch_home.h"

namespace ak::e2e {
namespace {

class TerminalTest : public ScratchHome {
 protected:
  void TearDown() override {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ScratchHome::TearDown();
  }

  // Begins `run -t sh -c SCRIPT` on a terminal of 30 rows and 100 columns.
  void begin(const std::string& script) {
    auto list = words({"run", "--mount", "none", "-t", "sh", "-c", script});
    auto settings = variables();
    std::vector<char*> argv;
    std::vector<char*> environment;
    for (std::string& text : list) {
      argv.push_back(text.data());
    }
    for (std::string& text : settings) {
      environment.push_back(text.data());
    }
    argv.push_back(nullptr);
    environment.push_back(nullptr);
    const winsize size{30, 100, 0, 0};
    int master = -1;
    setOrdinary();
    pid_ = ::forkpty(&master, nullptr, &before_, &size);
    if (pid_ == 0) {
      ::execve(argv[0], argv.data(), environment.data());
      ::_exit(99);
    }
    ASSERT_GT(pid_, 0);
    master_ = sys::OwnedFd(master);
  }

  // What the terminal begins with, settled before there is a child that may be quick to change it.
  void setOrdinary() {
    int master = -1;
    int slave = -1;
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
    const sys::OwnedFd owned_master(master);
    const sys::OwnedFd owned_slave(slave);
    ASSERT_EQ(::tcgetattr(slave, &before_), 0);
  }

  termios settingsNow() const {
    termios now{};
    EXPECT_EQ(::tcgetattr(master_.get(), &now), 0);
    return now;
  }

  // Whether the terminal becomes raw; nothing tells when it does.
  bool becomesRaw() const {
    for (int turns = 0; turns < 6'000 && !isRaw(); ++turns) {
      ::poll(nullptr, 0, 5);
    }
    return isRaw();
  }

  bool isRaw() const { return (settingsNow().c_lflag & (ICANON | ECHO | ISIG)) == 0; }

  void expectRestored() const {
    const termios now = settingsNow();
    EXPECT_EQ(now.c_lflag, before_.c_lflag);
    EXPECT_EQ(now.c_iflag, before_.c_iflag);
    EXPECT_EQ(now.c_oflag, before_.c_oflag);
  }

  // Reads what the terminal shows until `text` has appeared.
  bool shows(std::string_view text) {
    if (!readUntil(master_.get(), text, seen_)) {
      return false;
    }
    seen_.erase(0, seen_.find(text) + text.size());
    return true;
  }

  void type(std::string_view text) const { ASSERT_TRUE(sys::writeAll(master_.get(), text)); }

  // 128+n after signal n.
  int status() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  sys::OwnedFd master_;
  termios before_{};
  std::string seen_;
  pid_t pid_ = -1;
};

TEST_F(TerminalTest, HasTheSizeAndTheGuestsStatusAndIsRestored) {
  begin("stty size; read line; echo got-$line; exit 5");
  ASSERT_TRUE(shows("30 100")) << seen_;
  EXPECT_TRUE(isRaw());
  type("abc\r");
  EXPECT_TRUE(shows("got-abc")) << seen_;
  EXPECT_EQ(status(), 5);
  expectRestored();
}

TEST_F(TerminalTest, FollowsTheWindow) {
  begin("trap 'stty size' WINCH; echo ready; while :; do read line && exit 0; done");
  ASSERT_TRUE(shows("ready")) << seen_;
  const winsize size{20, 80, 0, 0};
  ASSERT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
  EXPECT_TRUE(shows("20 80")) << seen_;
  type("\r");
  EXPECT_EQ(status(), 0);
}

TEST_F(TerminalTest, ControlCIsTheGuestsOwn) {
  begin("trap 'echo caught; exit 7' INT; echo ready; while :; do read line; done");
  ASSERT_TRUE(shows("ready")) << seen_;
  type("\x03");
  EXPECT_TRUE(shows("caught")) << seen_;
  EXPECT_EQ(status(), 7);
  expectRestored();
}

TEST_F(TerminalTest, IsRestoredWhenASignalEndsUs) {
  for (const int number : {SIGTERM, SIGHUP}) {
    begin("echo ready; exec sleep 1000");
    ASSERT_TRUE(shows("ready")) << seen_;
    EXPECT_TRUE(isRaw());
    ::kill(pid_, number);
    EXPECT_EQ(status(), 128 + number);
    expectRestored();
  }
}

TEST_F(TerminalTest, IsRestoredWhileStoppedAndRawAgainAfter) {
  begin("echo ready; read line; echo got-$line");
  ASSERT_TRUE(shows("ready")) << seen_;
  ::kill(pid_, SIGTSTP);
  int state = 0;
  ASSERT_EQ(::waitpid(pid_, &state, WUNTRACED), pid_);
  ASSERT_TRUE(WIFSTOPPED(state));
  expectRestored();
  ::kill(pid_, SIGCONT);
  ASSERT_TRUE(becomesRaw());
  type("abc\r");
  EXPECT_TRUE(shows("got-abc")) << seen_;
  EXPECT_EQ(status(), 0);
  expectRestored();
}

}  // namespace
}  // namespace ak::e2e
