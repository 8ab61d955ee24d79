// How a log is taken up again: after an orderly end, a crash, or somebody else's hands.
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

struct Tail {
  // The newest line from which the chain leads back to the head.
  std::optional<Link> top;
  std::size_t part = 0;
  std::uint64_t end = 0;  // of that line in its part
  bool reaches_head = false;
  std::uint64_t torn = 0;  // bytes at the very end that are no whole line
};

// Walks back from the end to the line that the head names. Sound lines that do not lead there are
// none of ours, or stand behind a gap.
Result<Tail> findTail(const std::vector<LogPart>& parts, const std::optional<Head>& head) {
  Tail tail;
  BackwardLines lines(parts);
  Link wanted;  // what the line before must be, once there is a top
  const std::uint64_t goal = head ? head->last.seq : 0;
  for (bool newest = true;; newest = false) {
    const std::optional<Line> line = AK_TRY(lines.next());
    if (!line) {
      break;
    }
    if (newest && !line->whole && line->part == 0) {
      tail.torn = line->size;
    }
    const auto sealed = line->whole ? unseal(line->text) : std::nullopt;
    if (!sealed || !sealed->holds()) {
      tail.top.reset();
      continue;
    }
    if (tail.top && sealed->link() != wanted) {
      tail.top.reset();
    }
    if (!tail.top) {
      tail.top = sealed->link();
      tail.part = line->part;
      tail.end = line->offset + line->size;
    }
    wanted = {sealed->seq - 1, std::string(sealed->prev)};
    if (!head) {
      return tail;  // nothing to compare with: the newest sound line it is
    }
    if (sealed->seq <= goal) {
      tail.reaches_head = sealed->link() == head->last;
      return tail;
    }
  }
  tail.reaches_head = head && goal == 0 && (!tail.top || wanted == Link());
  return tail;
}

std::string fileNameTime(WallTime time) {
  std::string text = formatTime(time);
  std::ranges::replace(text, ':', '-');
  return text;
}

}  // namespace

// Bytes that are not a part of the chain are moved, never dropped: they may be all that is left of
// an event.
Status Log::setAside(std::uint64_t from, std::uint64_t size) {
  const std::string aside = cat(options_.path, ".torn-", fileNameTime(clock_.wall()));
  if (from == 0) {
    if (::rename(options_.path.c_str(), aside.c_str()) != 0) {
      return failErrno(cat("moving ", options_.path));
    }
    LogPart fresh = AK_TRY(openPart(options_.path, O_RDWR | O_CREAT | O_EXCL | O_APPEND));
    file_ = std::move(fresh.file);
  } else {
    const sys::OwnedFd target =
        AK_TRY(sys::openPath(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    std::string block(64 * 1024, '\0');
    for (std::uint64_t at = from; at < from + size;) {
      const std::uint64_t most = std::min<std::uint64_t>(block.size(), from + size - at);
      const ssize_t got = ::pread(file_.get(), block.data(), most, static_cast<off_t>(at));
      if (got <= 0) {
        return failErrno(cat("reading ", options_.path));
      }
      AK_TRY(sys::writeAll(target.get(), {block.data(), static_cast<std::size_t>(got)}));
      at += static_cast<std::uint64_t>(got);
    }
    if (::fsync(target.get()) != 0 || ::ftruncate(file_.get(), static_cast<off_t>(from)) != 0) {
      return failErrno(cat("setting the end of ", options_.path, " aside"));
    }
  }
  size_ = from;
  log_.warning("audit", cat(size, " bytes at the end of ", options_.path,
                            " were not whole lines of ours; they are in ", aside));
  Event found(Kind::LogRepaired, Actor());
  found.text("set_aside", aside, Event::kMaxPath).number("bytes", static_cast<std::int64_t>(size));
  findings_.push_back(std::move(found));
  return {};
}

Status Log::repair() {
  const std::vector<LogPart> parts = AK_TRY(openParts(options_.path));
  const Tail tail = AK_TRY(findTail(parts, head_));
  std::uint64_t keep = size_ - std::min(tail.torn, size_);
  if (tail.reaches_head || (!head_ && tail.part == 0)) {
    keep = tail.top && tail.part == 0 ? tail.end : 0;
  }
  const bool lost_end = !tail.reaches_head && (head_ || tail.top);
  if (lost_end || disturbed_) {
    const std::string expected = head_ ? linkText(head_->last) : std::string("unknown");
    Event damaged(Kind::LogDamaged, Actor());
    damaged.text("expected", expected)
        .text("details", disturbed_ ? "another program changed the log while the daemon wrote it"
                         : head_    ? "the last line that was on the disk is not in the log"
                                    : "the record of where the log ends is missing");
    log_.error("audit", cat("the audit log ", options_.path, " is damaged: line ", expected,
                            " was expected in it"));
    findings_.push_back(std::move(damaged));
    disturbed_ = false;
  }
  if (tail.reaches_head || !head_) {
    const std::uint64_t first = head_ ? head_->first : std::max<std::uint64_t>(oldestSeq(parts), 1);
    head_ = Head{tail.top.value_or(Link()), tail.top ? first : 1};
  }
  return keep < size_ ? setAside(keep, size_ - keep) : Status();
}

Status Log::openNow() {
  const std::string directory = options_.path.substr(0, options_.path.rfind('/'));
  AK_TRY(sys::makePrivateDirectory(directory));
  LogPart part = AK_TRY(openPart(options_.path, O_RDWR | O_CREAT | O_APPEND));
  // What stands in it is for its owner's eyes; other programs made theirs with the umask's mode.
  if (::fchmod(part.file.get(), 0600) != 0) {
    return failErrno(cat("chmod ", options_.path));
  }
  file_ = std::move(part.file);
  size_ = part.size;
  reserved_ = 0;
  if (!head_) {
    Result<std::optional<Head>> head = readHead(options_.head_path);
    if (!head) {
      log_.error("audit", head.error().message);
    } else {
      head_ = std::move(*head);
    }
  }
  findings_.clear();
  const std::optional<Head> before = head_;
  AK_TRY(repair());
  if (head_ != before) {
    wakeCommitter(Urgency::Ordinary);
  }
  // A daemon that is killed before its first commit must not look like one whose head was taken.
  return !before ? writeHead(options_.head_path, *head_) : Status();
}

}  // namespace ak::audit
