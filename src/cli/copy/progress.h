#pragma once

#include <chrono>
#include <cstdint>

namespace ak::cli {

// Says on a terminal how far a long copy has come, in one line that it takes away at its end. Says
// nothing in the first second, and nothing where standard error is no terminal.
class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void bytes(std::uint64_t more);

  void file() { ++files_; }

  std::uint64_t totalBytes() const { return bytes_; }

  std::uint64_t totalFiles() const { return files_; }

  // Before another line goes to standard error.
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_;
  std::uint64_t bytes_ = 0;
  std::uint64_t files_ = 0;
};

}  // namespace ak::cli
