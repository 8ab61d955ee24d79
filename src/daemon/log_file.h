#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "observe/log.h"
#include "sys/owned_fd.h"

namespace ak::daemon {

// The daemon's log: one line a message, "time level component: message", appended with one write;
// rotated at 8 MiB to daemon.log.1. Thread-safe. A log that cannot be written is not worth a
// daemon: failures are ignored after the file was opened once.
class LogFile {
 public:
  static Result<std::unique_ptr<LogFile>> open(const std::string& path, const Clock& clock);
  void write(observe::Level level, std::string_view component, std::string_view message);
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{8} << 20U;

 private:
  LogFile(std::string path, sys::OwnedFd file, std::uint64_t size, const Clock& clock);

  std::mutex mutex_;
  std::string path_;
  sys::OwnedFd file_;
  std::uint64_t size_;
  const Clock& clock_;
};

}  // namespace ak::daemon
