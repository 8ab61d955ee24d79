#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/log_reader.h"
#include "sys/owned_fd.h"

namespace ak::manager {

// What a detached or kept command printed: a file that holds at most the last 8 to 16 MiB, in two
// halves of which the older is dropped. Both streams, in order of arrival. Writing never fails the
// command: a full disk is remembered and shown as a line of the log.
class OutputLog {
 public:
  static constexpr std::uint64_t kHalf = std::uint64_t{8} << 20U;

  // `directory` outlives the log. Goes on with what is there.
  static Result<OutputLog> open(const std::string& directory);
  void append(std::string_view data);

  // Reads a log from its beginning, while it is written or not; NotFound when nothing was ever
  // logged. next() gives its next piece, empty when there is nothing more for now.
  static Result<sys::LogReader> reader(const std::string& directory);
  static Result<std::string> next(sys::LogReader& reader);

  // Both halves, oldest first; NotFound when nothing was ever logged.
  static Result<std::string> read(const std::string& directory);

 private:
  OutputLog(std::string directory, sys::OwnedFd file, std::uint64_t size);
  Status rotate();

  std::string directory_;
  sys::OwnedFd file_;
  std::uint64_t size_;
  bool lost_ = false;
};

}  // namespace ak::manager
