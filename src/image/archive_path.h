#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ak::image {

// A name from an archive as a path below the layer's root: leading slashes, "." and empty parts
// dropped ("/a//./b/" is "a/b"; the root itself is ""). InvalidArgument when a part is "..".
Result<std::string> archivePath(std::string_view name);

struct SplitPath {
  std::string_view parent;  // empty: the root
  std::string_view name;
};

SplitPath splitPath(std::string_view path);

}  // namespace ak::image
