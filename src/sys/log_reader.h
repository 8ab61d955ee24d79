#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "sys/owned_fd.h"

namespace ak::sys {

// Reads a log that somebody else appends to and rotates meanwhile: PATH, whose older half is
// PATH.1. As `tail -F` does it: what is left of a file is read through its descriptor after it was
// renamed or removed, then the new one is opened. Blocking (disk); not thread-safe.
class LogReader {
 public:
  static constexpr std::size_t kPiece = 64 * 1024;

  // From the beginning of what is kept. NotFound with ENOENT when there is no log at all.
  static Result<LogReader> open(std::string path);

  struct Piece {
    std::string data;      // at most kPiece bytes; empty: nothing more for now
    bool skipped = false;  // the log was rotated twice before we came: some of it is missing here
  };

  Result<Piece> next();

 private:
  struct Part {
    OwnedFd file;
    dev_t device = 0;
    ino_t inode = 0;
    off_t offset = 0;

    bool isFile(const Part& other) const { return device == other.device && inode == other.inode; }
  };

  explicit LogReader(std::string path) : path_(std::move(path)) {}

  // nullopt when there is no such file.
  static Result<std::optional<Part>> openPart(const std::string& path);
  static Result<std::string> read(Part& part);
  // Opens what there is, from its beginning. False: nothing.
  Result<bool> openKept();

  std::string path_;
  Part current_;
  std::optional<Part> following_;  // the newer half, while the older one is read
};

}  // namespace ak::sys
