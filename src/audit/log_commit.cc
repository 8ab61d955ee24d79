// What the log's own thread does: brings lines to the disk, then says so in the head.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "audit/lines.h"
#include "audit/log.h"
#include "base/text.h"
#include "sys/file.h"

namespace ak::audit {

namespace {

// The number of a file's first line; 0 when it has none of ours.
std::uint64_t firstOf(const std::string& path) {
  std::vector<LogPart> parts;
  if (auto part = openPart(path, O_RDONLY)) {
    parts.push_back(std::move(*part));
  }
  return oldestSeq(parts);
}

Status syncDirectoryOf(const std::string& path) {
  const sys::OwnedFd directory =
      AK_TRY(sys::openPath(path.substr(0, path.rfind('/') + 1), O_RDONLY | O_DIRECTORY));
  return ::fsync(directory.get()) == 0 ? Status()
                                       : failErrno(cat("syncing the directory of ", path));
}

}  // namespace

void Log::commit() {
  std::unique_lock lock(mutex_);
  if (!dirty_ && done_commits_ == begun_commits_) {
    return;
  }
  const std::uint64_t target = begun_commits_ + (dirty_ ? 1 : 0);
  if (dirty_) {
    wakeCommitter(Urgency::Soon);
  }
  committed_.wait(lock, [&] { return done_commits_ >= target; });
}

void Log::commitLoop(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (wake_.wait(lock, stop, [this] { return dirty_; })) {
    wake_.wait_for(lock, stop, kCommitWithin, [this] { return soon_; });
    commitOnce(lock);
  }
}

bool Log::inPlace() const {
  struct stat named{};
  struct stat open{};
  return ::stat(options_.path.c_str(), &named) == 0 && ::fstat(file_.get(), &open) == 0 &&
         named.st_dev == open.st_dev && named.st_ino == open.st_ino &&
         static_cast<std::uint64_t>(open.st_size) == size_;
}

// Only what no head counts on any more: it was written with `first` before.
void Log::removeExpired(std::uint64_t first) const {
  std::uint32_t most = options_.max_files;
  while (::access(rotatedPath(options_.path, most + 1).c_str(), F_OK) == 0) {
    ++most;
  }
  for (; most > options_.max_files; --most) {
    const std::string path = rotatedPath(options_.path, most);
    if (firstOf(path) >= first) {
      return;
    }
    ::unlink(path.c_str());
  }
}

void Log::commitOnce(std::unique_lock<std::mutex>& lock) {
  dirty_ = false;
  soon_ = false;
  ++begun_commits_;
  if (file_.valid() && !inPlace()) {
    // Somebody else moved, cut or wrote it. Opening it again finds out and says so.
    log_.error("audit", cat(options_.path, " was changed by another program"));
    file_.reset();
    disturbed_ = true;
    (void)ensureOpen();  // what fails stays failing_, and is tried again with the next event
  }
  const std::string oldest = rotatedPath(options_.path, options_.max_files);
  const bool expires =
      head_ && ::access(rotatedPath(options_.path, options_.max_files + 1).c_str(), F_OK) == 0;
  if (expires) {
    head_->first = std::max(head_->first, firstOf(oldest));
  }
  std::vector<sys::OwnedFd> files = std::move(rotated_);
  rotated_.clear();
  // What could not be opened again has its reason already.
  Result<sys::OwnedFd> current =
      file_.valid() ? file_.duplicate() : fail(ErrorCode::Unavailable, failing_);
  const std::optional<Head> head = head_;
  const std::string failing = failing_;
  lock.unlock();

  Status done = current ? Status() : Status(std::unexpected(current.error()));
  if (current) {
    files.push_back(std::move(*current));
  }
  for (const sys::OwnedFd& file : files) {
    if (::fdatasync(file.get()) != 0 && done) {
      done = failErrno(cat("bringing ", options_.path, " to the disk"));
    }
  }
  if (done) {
    done = syncDirectoryOf(options_.path);
  }
  if (done && head) {
    done = writeHead(options_.head_path, *head);
  }

  lock.lock();
  if (done) {
    if (untold_ == 0 && failing_ == failing) {
      failing_.clear();
    }
    if (expires) {
      removeExpired(head->first);
    }
  } else if (failing_ != done.error().message) {
    failing_ = done.error().message;
    log_.error("audit", failing_);
  }
  done_commits_ = begun_commits_;
  committed_.notify_all();
}

}  // namespace ak::audit
