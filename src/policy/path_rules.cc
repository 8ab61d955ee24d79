#include "policy/path_rules.h"

#include "base/text.h"

namespace ak::policy {

bool isPlainRelative(std::string_view path) {
  if (path.empty() || path.contains('\0')) {
    return false;
  }
  for (const std::string_view component : split(path, '/')) {
    if (component.empty() || component == "." || component == "..") {
      return false;
    }
  }
  return true;
}

bool isCanonical(std::string_view path) {
  return path == "/" || (path.starts_with('/') && isPlainRelative(path.substr(1)));
}

bool isWithin(std::string_view path, std::string_view directory) {
  if (directory == "/") {
    return path.starts_with('/');
  }
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string_view relativeTo(std::string_view path, std::string_view directory) {
  if (path.size() == directory.size()) {
    return {};
  }
  return path.substr(directory == "/" ? 1 : directory.size() + 1);
}

}  // namespace ak::policy
