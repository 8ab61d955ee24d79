#include "image/archive_path.h"

#include "base/text.h"

namespace ak::image {

Result<std::string> archivePath(std::string_view name) {
  std::string path;
  for (const std::string_view part : split(name, '/')) {
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == "..") {
      return fail(ErrorCode::InvalidArgument,
                  cat("the archive leads outside its root: ", printable(name)),
                  "Do not trust where it came from.");
    }
    if (!path.empty()) {
      path += '/';
    }
    path += part;
  }
  return path;
}

SplitPath splitPath(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    return {{}, path};
  }
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace ak::image
