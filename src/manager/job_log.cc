#include "manager/job_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW;
// Both streams, and a few that are about to be removed.
constexpr std::size_t kMostFiles = 64;

std::string_view prefixOf(JobChannel channel) {
  return channel == JobChannel::Stdout ? "out." : "err.";
}

std::string pathOf(const std::string& directory, JobChannel channel, std::uint64_t begin) {
  return cat(directory, "/", prefixOf(channel), begin);
}

// Where the files of the channel begin, in order.
Result<std::vector<std::uint64_t>> beginsIn(const std::string& directory, JobChannel channel) {
  sys::DirectoryReader reader = AK_TRY(sys::DirectoryReader::open(AT_FDCWD, directory));
  std::vector<std::uint64_t> begins;
  for (const std::string& name : AK_TRY(sys::listNames(std::move(reader), kMostFiles))) {
    const std::string_view prefix = prefixOf(channel);
    if (name.starts_with(prefix)) {
      if (const auto begin =
              parseNumber<std::uint64_t>(std::string_view(name).substr(prefix.size()))) {
        begins.push_back(*begin);
      }
    }
  }
  std::ranges::sort(begins);
  return begins;
}

Result<std::uint64_t> sizeOf(const sys::OwnedFd& file) {
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) {
    return failErrno("stat job log");
  }
  return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace

Result<JobLog> JobLog::open(std::string directory, JobChannel channel) {
  JobLog log(std::move(directory), channel);
  AK_TRY(sys::makePrivateDirectory(log.directory_));
  log.begins_ = AK_TRY(beginsIn(log.directory_, channel));
  if (!log.begins_.empty()) {
    const std::uint64_t begin = log.begins_.back();
    log.file_ = AK_TRY(
        sys::openPath(pathOf(log.directory_, channel, begin), O_WRONLY | O_APPEND | O_NOFOLLOW));
    log.size_ = AK_TRY(sizeOf(log.file_));
    log.end_ = begin + log.size_;
  }
  return log;
}

Status JobLog::begin() {
  file_ = AK_TRY(sys::openPath(pathOf(directory_, channel_, end_), kFlags, 0600));
  size_ = 0;
  begins_.push_back(end_);
  return {};
}

// One that cannot be removed is one file too many, and removed with the job.
void JobLog::remove(std::size_t which) {
  (void)::unlink(pathOf(directory_, channel_, begins_[which]).c_str());
  begins_.erase(begins_.begin() + static_cast<std::ptrdiff_t>(which));
}

Status JobLog::write(std::string_view data) {
  if (!file_.valid() || (size_ != 0 && size_ + data.size() > kSegment)) {
    AK_TRY(begin());
  }
  AK_TRY(sys::writeAll(file_.get(), data));
  size_ += data.size();
  return {};
}

void JobLog::append(std::string_view data) {
  if (!write(data)) {
    // How much of it was written is in the file alone. One that took nothing is none: on a disk
    // that stays full such files would push out what is kept.
    if (file_.valid() && sizeOf(file_).value_or(1) == 0) {
      remove(begins_.size() - 1);
    }
    file_.reset();  // what comes next begins a new one
  }
  if (begins_.size() > kSegments) {
    remove(0);
  }
  end_ += data.size();
}

void JobLog::skipTo(std::uint64_t offset) {
  if (offset > end_) {
    file_.reset();
    end_ = offset;
  }
}

Status removeJobLogs(const std::string& directory) {
  const std::size_t slash = directory.rfind('/');
  const auto parent =
      sys::openPath(directory.substr(0, slash), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!parent) {
    return parent.error().sys_errno == ENOENT ? Status() : std::unexpected(parent.error());
  }
  return sys::removeTree(parent->get(), directory.substr(slash + 1));
}

Result<JobPiece> readJobLog(const std::string& directory,
                            JobChannel channel,
                            std::uint64_t offset,
                            std::size_t most) {
  JobPiece piece;
  const std::uint64_t asked = offset;
  for (const std::uint64_t begin : AK_TRY(beginsIn(directory, channel))) {
    const auto file = sys::openPath(pathOf(directory, channel, begin), O_RDONLY | O_NOFOLLOW);
    if (!file) {
      continue;  // removed meanwhile: what is behind it is there
    }
    const std::uint64_t size = AK_TRY(sizeOf(*file));
    offset = std::max(offset, begin);
    if (offset - begin >= size) {
      offset = asked;
      continue;
    }
    piece.data.resize(
        static_cast<std::size_t>(std::min<std::uint64_t>(most, begin + size - offset)));
    const ssize_t got = ::pread(file->get(), piece.data.data(), piece.data.size(),
                                static_cast<off_t>(offset - begin));
    if (got < 0) {
      return failErrno("read job log");
    }
    piece.data.resize(static_cast<std::size_t>(got));
    piece.missing = offset - asked;
    piece.next = offset + piece.data.size();
    return piece;
  }
  piece.next = asked;
  return piece;
}

}  // namespace ak::manager
