#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "observe/log.h"
#include "sys/owned_fd.h"

namespace ak::daemon {

// The daemon's log: one line a message, "time level component: message", appended with one write;
// rotated to daemon.log.1, .2 and so on when it is full. Thread-safe. A log that cannot be written
// is not worth a daemon: failures are ignored after the file was opened once.
class LogFile {
 public:
  static Result<std::unique_ptr<LogFile>> open(const std::string& path, const Clock& clock);
  void write(observe::Level level, std::string_view component, std::string_view message);

  struct Bounds {
    std::uint64_t max_bytes = std::uint64_t{16} << 20U;
    std::uint32_t max_files = 4;  // rotated ones
  };

  // The configuration is read when there is a log already to say what is wrong with it.
  void bound(Bounds bounds);

 private:
  LogFile(std::string path, sys::OwnedFd file, std::uint64_t size, const Clock& clock);

  void rotate();

  std::mutex mutex_;
  Bounds bounds_;
  std::string path_;
  sys::OwnedFd file_;
  std::uint64_t size_;
  const Clock& clock_;
};

}  // namespace ak::daemon
