#include "audit/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "audit/lines.h"
#include "base/text.h"

namespace ak::audit {

namespace {

// What a place in the chain adds to an event.
constexpr std::size_t kSealSize = 256;
constexpr std::chrono::seconds kRetry{1};
// Kept ahead for callers who must not do what cannot be recorded: the events of what is under way.
constexpr std::uint64_t kReserve = std::uint64_t{1} << 20U;
constexpr std::uint64_t kLeastReserve = kReserve / 4;

}  // namespace

Log::Log(Options options, const Clock& clock, const observe::Log& log)
    : options_(std::move(options)), clock_(clock), log_(log) {}

std::unique_ptr<Log> Log::open(Options options, const Clock& clock, const observe::Log& log) {
  std::unique_ptr<Log> opened(new Log(std::move(options), clock, log));
  {
    const std::lock_guard lock(opened->mutex_);
    if (const Status ready = opened->ensureOpen(); !ready) {
      log.error("audit", cat("the audit log cannot be written: ", ready.error().message));
    }
  }
  opened->committer_ =
      std::jthread([self = opened.get()](const std::stop_token& stop) { self->commitLoop(stop); });
  return opened;
}

Log::~Log() {
  if (committer_.joinable()) {
    committer_.request_stop();
    committer_.join();
  }
}

void Log::wakeCommitter(Urgency urgency) {
  const bool sooner = urgency == Urgency::Soon && !soon_;
  soon_ = soon_ || sooner;
  if (!dirty_ || sooner) {
    dirty_ = true;
    wake_.notify_all();
  }
}

void Log::failed(const Error& error) {
  ++lost_;
  ++untold_;
  if (failing_ != error.message) {
    failing_ = error.message;
    log_.error("audit", cat("events are lost: ", failing_));
  }
}

Status Log::ensureOpen() {
  if (file_.valid()) {
    return {};
  }
  if (!failing_.empty() && clock_.steady() < next_try_) {
    return fail(ErrorCode::Unavailable, failing_);
  }
  if (Status opened = openNow(); !opened) {
    file_.reset();
    failing_ = opened.error().message;
    next_try_ = clock_.steady() + kRetry;
    return opened;
  }
  if (untold_ == 0) {
    failing_.clear();
  }
  while (!findings_.empty()) {
    AK_TRY(append(findings_.front()));
    findings_.erase(findings_.begin());
  }
  return {};
}

Status Log::writeLine(const std::string& line) {
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t wrote = ::write(file_.get(), line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) {
      continue;
    }
    if (wrote < 0) {
      auto error = failErrno(cat("writing ", options_.path));
      // Half a line would be taken for damage. If even that fails, the next opening repairs it.
      if (done != 0 && ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) {
        file_.reset();
      }
      return error;
    }
    done += static_cast<std::size_t>(wrote);
  }
  size_ += line.size();
  return {};
}

Status Log::append(const Event& event) {
  std::string body = event.encode(clock_.wall());
  if (body.size() + kSealSize > kMaxLine) {
    Event small(event.kind(), Actor());
    small.number("too_large", static_cast<std::int64_t>(body.size()));
    body = small.encode(clock_.wall());
  }
  if (size_ != 0 && size_ + body.size() + kSealSize > options_.max_bytes) {
    AK_TRY(rotate());
  }
  Link next;
  const std::string line = seal(std::move(body), head_->last, next);
  AK_TRY(writeLine(line));
  head_->last = std::move(next);
  ++recorded_;
  wakeCommitter(Urgency::Ordinary);
  return {};
}

Status Log::tellLosses() {
  if (untold_ == 0) {
    return {};
  }
  Event lost(Kind::EventsLost, Actor());
  lost.number("count", static_cast<std::int64_t>(untold_)).text("error", failing_);
  AK_TRY(append(lost));
  log_.warning("audit", cat("the audit log is written again; ", untold_, " events are missing"));
  untold_ = 0;
  failing_.clear();
  return {};
}

void Log::record(const Event& event, Urgency urgency) {
  const std::lock_guard lock(mutex_);
  Status written = ensureOpen();
  if (written) {
    written = tellLosses();
  }
  if (written) {
    written = append(event);
  }
  if (!written) {
    failed(written.error());
    return;
  }
  if (urgency == Urgency::Soon) {
    wakeCommitter(urgency);
  }
}

// Space that is there already cannot run out between an act and its event.
Status Log::reserveSpace() {
  if (size_ + kLeastReserve <= reserved_) {
    return {};
  }
  if (::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size_),
                  static_cast<off_t>(kReserve)) != 0) {
    if (errno == EOPNOTSUPP) {
      return {};
    }
    return failErrno(cat("reserving space for ", options_.path));
  }
  reserved_ = size_ + kReserve;
  return {};
}

Status Log::ready() {
  if (options_.on_failure == OnFailure::Warn) {
    return {};
  }
  const std::lock_guard lock(mutex_);
  Status ready = ensureOpen();
  if (ready) {
    ready = tellLosses();
  }
  if (ready) {
    ready = reserveSpace();
  }
  if (ready && !failing_.empty()) {
    wakeCommitter(Urgency::Soon);  // the disk refused before: ask it again
    ready = fail(ErrorCode::Unavailable, failing_);
  }
  if (ready) {
    return {};
  }
  return fail(ErrorCode::Unavailable,
              cat("nothing is done while the audit log cannot be written: ", ready.error().message),
              "Free space on its disk, or set on_failure = \"warn\" in [audit] of the user "
              "configuration.");
}

// The number of each file rises by one; the committer removes what is too old.
Status Log::rotate() {
  if (reserved_ > size_) {
    (void)::ftruncate(file_.get(), static_cast<off_t>(size_));  // gives back what is not used
  }
  std::uint32_t most = 0;
  while (most < kMostFiles && ::access(rotatedPath(options_.path, most + 1).c_str(), F_OK) == 0) {
    ++most;
  }
  for (std::uint32_t number = most + 1; number > 0; --number) {
    if (::rename(rotatedPath(options_.path, number - 1).c_str(),
                 rotatedPath(options_.path, number).c_str()) != 0) {
      return failErrno(cat("rotating ", options_.path));
    }
  }
  rotated_.push_back(std::move(file_));
  LogPart fresh = AK_TRY(openPart(options_.path, O_RDWR | O_CREAT | O_EXCL | O_APPEND));
  file_ = std::move(fresh.file);
  size_ = 0;
  reserved_ = 0;
  return {};
}

Log::Stats Log::stats() const {
  const std::lock_guard lock(mutex_);
  return {recorded_, lost_, failing_, head_.value_or(Head())};
}

}  // namespace ak::audit
