#pragma once

#include <string>

#include "base/result.h"
#include "wire/file.h"

namespace ak::guest {

// What an O_PATH (or other) descriptor refers to; for a symbolic link opened with O_NOFOLLOW also
// where it points.
Result<wire::FileInfo> describe(int fd);

// The directory as a listing's byte stream (wire/file.h). TooLarge over wire::kMaxListing entries.
Result<std::string> listDirectory(const std::string& path);

}  // namespace ak::guest
