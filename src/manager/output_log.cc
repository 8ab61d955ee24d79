#include "manager/output_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

constexpr std::string_view kNew = "/output.log";
constexpr std::string_view kOld = "/output.log.1";
constexpr std::string_view kMissing = "\n[agentkernel: some output is missing here]\n";
constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW;

}  // namespace

OutputLog::OutputLog(std::string directory, sys::OwnedFd file, std::uint64_t size)
    : directory_(std::move(directory)), file_(std::move(file)), size_(size) {}

Result<OutputLog> OutputLog::open(const std::string& directory) {
  sys::OwnedFd file = AK_TRY(sys::openPath(cat(directory, kNew), kFlags, 0600));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) {
    return failErrno("stat output log");
  }
  return OutputLog(directory, std::move(file), static_cast<std::uint64_t>(info.st_size));
}

Status OutputLog::rotate() {
  if (::rename(cat(directory_, kNew).c_str(), cat(directory_, kOld).c_str()) != 0) {
    return failErrno("rotate output log");
  }
  file_ = AK_TRY(sys::openPath(cat(directory_, kNew), kFlags, 0600));
  size_ = 0;
  return {};
}

void OutputLog::append(std::string_view data) {
  Status done;
  if (size_ + data.size() > kHalf) {
    done = rotate();
  }
  if (done && lost_) {
    done = sys::writeAll(file_.get(), kMissing);
    lost_ = !done;
  }
  if (done) {
    done = sys::writeAll(file_.get(), data);
    size_ += data.size();
  }
  lost_ = lost_ || !done;
}

Result<sys::LogReader> OutputLog::reader(const std::string& directory) {
  auto reader = sys::LogReader::open(cat(directory, kNew));
  if (!reader && reader.error().sys_errno == ENOENT) {
    return fail(ErrorCode::NotFound, "this sandbox has no output log",
                "Only commands started with --detach or --keep are logged.");
  }
  return reader;
}

Result<std::string> OutputLog::next(sys::LogReader& reader) {
  sys::LogReader::Piece piece = AK_TRY(reader.next());
  return piece.skipped ? cat(kMissing, piece.data) : std::move(piece.data);
}

Result<std::string> OutputLog::read(const std::string& directory) {
  sys::LogReader log = AK_TRY(reader(directory));
  std::string text;
  // A writer that is faster than we are must not keep us here.
  while (text.size() < 2 * kHalf) {
    const std::string piece = AK_TRY(next(log));
    if (piece.empty()) {
      break;
    }
    text += piece;
  }
  return text;
}

}  // namespace ak::manager
