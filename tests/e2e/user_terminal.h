#pragma once

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "scratch_home.h"

namespace ak::e2e {

// A pseudo terminal of 30 rows and 100 columns with one of our programs on it.
class UserTerminal {
 public:
  UserTerminal(Words list, Words settings) {
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
    EXPECT_GT(pid_, 0);
    master_ = sys::OwnedFd(master);
  }

  ~UserTerminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  UserTerminal(const UserTerminal&) = delete;
  UserTerminal& operator=(const UserTerminal&) = delete;

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

  // Reads what the terminal shows until `text` has appeared, and forgets it up to there.
  bool shows(std::string_view text) {
    if (!readUntil(master_.get(), text, seen_)) {
      return false;
    }
    seen_.erase(0, seen_.find(text) + text.size());
    return true;
  }

  void type(std::string_view text) const { EXPECT_TRUE(sys::writeAll(master_.get(), text)); }

  void resize(unsigned short rows, unsigned short columns) const {
    const winsize size{rows, columns, 0, 0};
    EXPECT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
  }

  void signal(int number) const { ::kill(pid_, number); }

  bool stopped() const {
    int state = 0;
    return ::waitpid(pid_, &state, WUNTRACED) == pid_ && WIFSTOPPED(state);
  }

  // Of the program, once it has ended; 128+n after signal n. What it shows meanwhile is read.
  int status() {
    char buffer[4096];
    for (;;) {
      const ssize_t size = ::read(master_.get(), buffer, sizeof buffer);
      if (size <= 0) {
        break;  // EIO: nobody has the other side any more
      }
      seen_.append(buffer, static_cast<std::size_t>(size));
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  // What it has shown and nobody asked for.
  const std::string& seen() const { return seen_; }

 private:
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

  sys::OwnedFd master_;
  termios before_{};
  std::string seen_;
  pid_t pid_ = -1;
};

}  // namespace ak::e2e
