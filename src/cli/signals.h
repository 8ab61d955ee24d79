#pragma once

#include <signal.h>

#include <vector>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::cli {

// Turns signals into bytes of a pipe while it lives, so that one poll(2) sees everything, and lets
// them interrupt a blocking write to a terminal (signalfd would not). What our caller ignores
// (nohup, a shell's background jobs) stays ignored. At most one object at a time.
class SignalPipe {
 public:
  static Result<SignalPipe> open(const std::vector<int>& signals);
  SignalPipe(SignalPipe&& other) noexcept;
  SignalPipe& operator=(SignalPipe&&) = delete;
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;
  ~SignalPipe();

  int fd() const { return reader_.get(); }

  // What has come since; never blocks.
  std::vector<int> take();

 private:
  SignalPipe() = default;

  struct Saved {
    int signal;
    struct sigaction action;
  };

  sys::OwnedFd reader_;
  sys::OwnedFd writer_;
  std::vector<Saved> saved_;
};

}  // namespace ak::cli
