#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::manager {

enum class JobChannel : std::uint8_t { Stdout, Stderr };

// What one stream of a job printed, exact and numbered from the job's start: files of consecutive
// bytes below a directory, each named after the number of its first byte ("out.0"), so that name
// and size say it all, also after a crash. At most kSegments of them are kept, that is the last 6
// to 8 MiB; what lies between two is missing. Nothing is synced: what the kernel has survives us,
// and a machine that goes down takes the job with it. Blocking; the writer is one.
class JobLog {
 public:
  static constexpr std::uint64_t kSegment = std::uint64_t{2} << 20U;
  static constexpr std::size_t kSegments = 4;

  // Makes the directory if need be; goes on behind what is there.
  static Result<JobLog> open(std::string directory, JobChannel channel);

  // The number of the next byte.
  std::uint64_t end() const { return end_; }

  // Never fails the job: what a full disk does not take is missing from the log, and takes the
  // place of nothing that is there.
  void append(std::string_view data);
  // What lies before `offset` and was not appended is missing.
  void skipTo(std::uint64_t offset);

 private:
  JobLog(std::string directory, JobChannel channel)
      : directory_(std::move(directory)), channel_(channel) {}

  Status write(std::string_view data);
  Status begin();
  void remove(std::size_t which);

  std::string directory_;
  JobChannel channel_;
  std::vector<std::uint64_t> begins_;  // of the files, oldest first
  sys::OwnedFd file_;                  // the last; invalid: the next byte begins a new one
  std::uint64_t size_ = 0;             // of that
  std::uint64_t end_ = 0;
};

struct JobPiece {
  std::uint64_t missing = 0;  // bytes before `data` that were asked for and are not kept
  std::uint64_t next = 0;     // the number of the byte behind `data`
  std::string data;           // empty: there is nothing behind the offset
};

// At most `most` consecutive bytes from `offset` on, while the log is written or not. NotFound when
// there is no log.
Result<JobPiece> readJobLog(const std::string& directory,
                            JobChannel channel,
                            std::uint64_t offset,
                            std::size_t most);

// All logs of a job; missing is success.
Status removeJobLogs(const std::string& directory);

}  // namespace ak::manager
