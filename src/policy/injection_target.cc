#include "policy/injection_target.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "policy/path_rules.h"

namespace ak::policy {

namespace {

constexpr std::size_t kMaxPath = 1024;

constexpr std::array<std::string_view, 6> kForbiddenTrees = {
    "/.agentkernel", "/dev", "/proc", "/run/agentkernel", "/sys", "/var/run/agentkernel"};

}  // namespace

Status checkInjectionTarget(std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::InvalidArgument,
                cat("cannot put a file at '", printable(path.substr(0, 200)), "': ", why),
                "Name an absolute file path in the sandbox, for instance /workspace/data.txt.");
  };
  if (path.size() > kMaxPath) {
    return refuse("the path is longer than 1024 bytes");
  }
  if (!path.starts_with('/')) {
    return refuse("the path is not absolute");
  }
  if (path == "/" || path.ends_with('/')) {
    return refuse("it names a directory");
  }
  if (!isCanonical(path)) {
    return refuse("it has an empty, '.' or '..' component");
  }
  if (std::ranges::any_of(path, [](unsigned char c) { return c < 0x20U || c == 0x7fU; })) {
    return refuse("it has control bytes");
  }
  for (const std::string_view tree : kForbiddenTrees) {
    if (isWithin(path, tree)) {
      return refuse(cat("nothing can be placed under ", tree));
    }
  }
  return {};
}

}  // namespace ak::policy
