#include "env/environment.h"

#include <cstdlib>

namespace ak::env {

Environment processEnvironment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

std::optional<std::string> nonEmpty(const Environment& environment, const char* name) {
  auto value = environment(name);
  if (value && value->empty()) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> absolutePath(const Environment& environment, const char* name) {
  auto value = nonEmpty(environment, name);
  if (!value || value->front() != '/') {
    return std::nullopt;
  }
  while (value->size() > 1 && value->back() == '/') {
    value->pop_back();
  }
  return value;
}

}  // namespace ak::env
