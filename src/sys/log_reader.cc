#include "sys/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "sys/file.h"

namespace ak::sys {

Result<std::optional<LogReader::Part>> LogReader::openPart(const std::string& path) {
  auto file = openPath(path, O_RDONLY | O_NOFOLLOW);
  if (!file) {
    if (file.error().sys_errno == ENOENT) {
      return std::nullopt;
    }
    return std::unexpected(std::move(file).error());
  }
  struct stat info{};
  if (::fstat(file->get(), &info) != 0) {
    return failErrno("stat " + path);
  }
  return Part{.file = *std::move(file), .device = info.st_dev, .inode = info.st_ino};
}

Result<std::string> LogReader::read(Part& part) {
  std::string data(kPiece, '\0');
  ssize_t size = 0;
  do {
    size = ::pread(part.file.get(), data.data(), data.size(), part.offset);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    return failErrno("read log");
  }
  part.offset += size;
  data.resize(static_cast<std::size_t>(size));
  return data;
}

Result<bool> LogReader::openKept() {
  // The newer first: if it is rotated between the two looks, it is found again as the older one.
  std::optional<Part> newer = AK_TRY(openPart(path_));
  std::optional<Part> older = AK_TRY(openPart(path_ + ".1"));
  if (!newer && !older) {
    return false;
  }
  following_.reset();
  if (!older) {
    current_ = *std::move(newer);
    return true;
  }
  if (newer && !newer->isFile(*older)) {
    following_ = std::move(newer);
  }
  current_ = *std::move(older);
  return true;
}

Result<LogReader> LogReader::open(std::string path) {
  LogReader reader(std::move(path));
  if (!AK_TRY(reader.openKept())) {
    errno = ENOENT;
    return failErrno("open " + reader.path_);
  }
  return reader;
}

Result<LogReader::Piece> LogReader::next() {
  Piece piece;
  for (;;) {
    piece.data = AK_TRY(read(current_));
    if (!piece.data.empty()) {
      return piece;
    }
    if (following_) {
      current_ = *std::exchange(following_, std::nullopt);
      continue;
    }
    // A file that we hold open keeps its number, so the same number is the same file.
    std::optional<Part> newest = AK_TRY(openPart(path_));
    if (!newest || newest->isFile(current_)) {
      return piece;  // at its end, between the two steps of a rotation, or removed
    }
    // More may have been written between our look at the end and the rotation.
    piece.data = AK_TRY(read(current_));
    if (!piece.data.empty()) {
      return piece;
    }
    const std::optional<Part> older = AK_TRY(openPart(path_ + ".1"));
    if (older && older->isFile(current_)) {
      current_ = *std::move(newest);
      continue;
    }
    piece.skipped = true;
    if (!AK_TRY(openKept())) {
      return piece;
    }
  }
}

}  // namespace ak::sys
