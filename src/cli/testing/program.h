#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sys/owned_fd.h"

// For tests: a program that runs with pipes of its own.
namespace ak::cli::testing {

struct Finished {
  int status = 0;  // exit status, or 128+n after signal n
  std::string out;
  std::string err;
};

class Program {
 public:
  struct Pipe {
    sys::OwnedFd reader;
    sys::OwnedFd writer;

    Pipe() {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw std::runtime_error("pipe2");
      }
      reader = sys::OwnedFd(ends[0]);
      writer = sys::OwnedFd(ends[1]);
    }
  };

  Program(std::vector<std::string> words, std::vector<std::string> variables) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in_.reader.get(), 0);
    ::posix_spawn_file_actions_adddup2(&actions, out_.writer.get(), 1);
    ::posix_spawn_file_actions_adddup2(&actions, err_.writer.get(), 2);
    const auto pointers = [](std::vector<std::string>& strings) {
      std::vector<char*> list;
      for (std::string& text : strings) {
        list.push_back(text.data());
      }
      list.push_back(nullptr);
      return list;
    };
    const int error = ::posix_spawn(&pid_, words[0].c_str(), &actions, nullptr,
                                    pointers(words).data(), pointers(variables).data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      throw std::runtime_error("posix_spawn " + words[0]);
    }
    in_.reader.reset();
    out_.writer.reset();
    err_.writer.reset();
  }

  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  ~Program() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  void signal(int number) const { ::kill(pid_, number); }

  int input() const { return in_.writer.get(); }

  int output() const { return out_.reader.get(); }

  void closeInput() { in_.writer.reset(); }

  void closeOutput() { out_.reader.reset(); }

  // Closes its input and reads all that it says until it ends. One that says nothing for two
  // minutes is killed, and its standard error says so.
  Finished finish() {
    closeInput();
    Finished finished;
    for (bool open = true; open;) {
      pollfd slots[2] = {{out_.reader.valid() ? out_.reader.get() : -1, POLLIN, 0},
                         {err_.reader.get(), POLLIN, 0}};
      if (::poll(slots, 2, kSilenceMs) == 0) {
        ::kill(pid_, SIGKILL);
        finished.err += "\n[killed by its test: it was silent for too long]\n";
        break;
      }
      const bool out_open = drain(slots[0], out_.reader, finished.out);
      const bool err_open = drain(slots[1], err_.reader, finished.err);
      open = out_open || err_open;
    }
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    finished.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return finished;
  }

 private:
  static constexpr int kSilenceMs = 120'000;

  static bool drain(const pollfd& slot, sys::OwnedFd& reader, std::string& text) {
    if (!reader.valid()) {
      return false;
    }
    if (slot.revents == 0) {
      return true;
    }
    char buffer[65536];
    const ssize_t size = ::read(reader.get(), buffer, sizeof buffer);
    if (size > 0) {
      text.append(buffer, static_cast<std::size_t>(size));
      return true;
    }
    reader.reset();
    return false;
  }

  Pipe in_;
  Pipe out_;
  Pipe err_;
  pid_t pid_ = -1;
};

}  // namespace ak::cli::testing
