#include "cli/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ak::cli {

namespace {

// A handler has no argument of ours: the descriptor has to be here.
volatile sig_atomic_t writer_fd = -1;

void onSignal(int signal) {
  const int saved_errno = errno;
  const auto byte = static_cast<unsigned char>(signal);
  // A full pipe holds enough signals already.
  [[maybe_unused]] const ssize_t written = ::write(static_cast<int>(writer_fd), &byte, 1);
  errno = saved_errno;
}

}  // namespace

Result<SignalPipe> SignalPipe::open(const std::vector<int>& signals) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return failErrno("pipe");
  }
  SignalPipe pipe;
  pipe.reader_ = sys::OwnedFd(ends[0]);
  pipe.writer_ = sys::OwnedFd(ends[1]);
  writer_fd = ends[1];
  for (const int signal : signals) {
    struct sigaction old{};
    if (::sigaction(signal, nullptr, &old) != 0) {
      return failErrno("sigaction");
    }
    if (old.sa_handler == SIG_IGN) {
      continue;
    }
    struct sigaction action{};
    action.sa_handler = onSignal;
    if (::sigaction(signal, &action, nullptr) != 0) {
      return failErrno("sigaction");
    }
    pipe.saved_.push_back({signal, old});
  }
  return pipe;
}

SignalPipe::SignalPipe(SignalPipe&& other) noexcept
    : reader_(std::move(other.reader_)),
      writer_(std::move(other.writer_)),
      saved_(std::exchange(other.saved_, {})) {}

SignalPipe::~SignalPipe() {
  for (const Saved& saved : saved_) {
    ::sigaction(saved.signal, &saved.action, nullptr);
  }
}

std::vector<int> SignalPipe::take() {
  std::vector<int> signals;
  unsigned char bytes[64];
  const ssize_t size = ::read(reader_.get(), bytes, sizeof bytes);
  if (size > 0) {
    signals.assign(bytes, bytes + size);
  }
  return signals;
}

}  // namespace ak::cli
