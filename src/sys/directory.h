#pragma once

#include <dirent.h>

#include <memory>
#include <string>
#include <vector>

#include "sys/owned_fd.h"

namespace ak::sys {

// The entries of one directory as readdir(3) gives them, without "." and "..". What is made or
// removed meanwhile may be among them or not. Blocking (disk); not thread-safe.
class DirectoryReader {
 public:
  // A descriptor that was opened for reading; it is read from where it stands.
  static Result<DirectoryReader> open(OwnedFd directory);
  // `path` beneath dir_fd, not behind a link in its last component.
  static Result<DirectoryReader> open(int dir_fd, const std::string& path);

  // The next one, good until the call after; nullptr at the end.
  Result<const dirent*> next();

  // The directory itself, borrowed.
  int fd() const { return ::dirfd(dir_.get()); }

 private:
  struct Close {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };

  explicit DirectoryReader(DIR* dir) : dir_(dir) {}

  std::unique_ptr<DIR, Close> dir_;
};

// All names, sorted; TooLarge when there are more than `limit`.
Result<std::vector<std::string>> listNames(DirectoryReader directory, std::size_t limit);

}  // namespace ak::sys
