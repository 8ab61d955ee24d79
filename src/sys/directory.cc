#include "sys/directory.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "sys/file.h"

namespace ak::sys {

Result<DirectoryReader> DirectoryReader::open(OwnedFd directory) {
  DIR* dir = ::fdopendir(directory.get());
  if (dir == nullptr) {
    return failErrno("fdopendir");
  }
  (void)directory.release();  // closedir owns it now
  return DirectoryReader(dir);
}

Result<DirectoryReader> DirectoryReader::open(int dir_fd, const std::string& path) {
  return open(AK_TRY(openAt(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)));
}

Result<const dirent*> DirectoryReader::next() {
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir_.get());
    if (entry == nullptr && errno != 0) {
      return failErrno("readdir");
    }
    if (entry == nullptr ||
        (std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..")) {
      return entry;
    }
  }
}

Result<std::vector<std::string>> listNames(DirectoryReader directory, std::size_t limit) {
  std::vector<std::string> names;
  while (const dirent* entry = AK_TRY(directory.next())) {
    if (names.size() == limit) {
      return fail(ErrorCode::TooLarge, cat("more than ", limit, " entries in one directory"));
    }
    names.emplace_back(entry->d_name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace ak::sys
