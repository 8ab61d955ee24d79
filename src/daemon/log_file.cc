#include "daemon/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/text.h"
#include "sys/file.h"

namespace ak::daemon {

namespace {

constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW;

}  // namespace

LogFile::LogFile(std::string path, sys::OwnedFd file, std::uint64_t size, const Clock& clock)
    : path_(std::move(path)), file_(std::move(file)), size_(size), clock_(clock) {}

Result<std::unique_ptr<LogFile>> LogFile::open(const std::string& path, const Clock& clock) {
  sys::OwnedFd file = AK_TRY(sys::openPath(path, kFlags, 0600));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) {
    return failErrno(cat("stat ", path));
  }
  return std::unique_ptr<LogFile>(
      new LogFile(path, std::move(file), static_cast<std::uint64_t>(info.st_size), clock));
}

void LogFile::bound(Bounds bounds) {
  const std::lock_guard lock(mutex_);
  bounds_ = bounds;
}

// A step that fails loses old lines and nothing else.
void LogFile::rotate() {
  for (std::uint32_t i = bounds_.max_files - 1; i > 0; --i) {
    (void)::rename(cat(path_, ".", i).c_str(), cat(path_, ".", i + 1).c_str());
  }
  if (::rename(path_.c_str(), cat(path_, ".1").c_str()) == 0) {
    if (Result<sys::OwnedFd> fresh = sys::openPath(path_, kFlags, 0600)) {
      file_ = std::move(*fresh);
    }
  }
  size_ = 0;
}

void LogFile::write(observe::Level level, std::string_view component, std::string_view message) {
  const std::string line = cat(formatTime(clock_.wall()), " ", observe::name(level), " ", component,
                               ": ", message, "\n");
  const std::lock_guard lock(mutex_);
  if (size_ + line.size() > bounds_.max_bytes) {
    rotate();
  }
  size_ += line.size();
  (void)sys::writeAll(file_.get(), line);
}

}  // namespace ak::daemon
