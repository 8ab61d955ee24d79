#include "policy/file_rules.h"

#include <array>

#include "base/text.h"
#include "policy/path_rules.h"

namespace ak::policy {

namespace {

constexpr std::size_t kMaxPath = 4095;
constexpr std::array<std::string_view, 3> kKernelTrees = {"/dev", "/proc", "/sys"};

}  // namespace

Result<std::string> sandboxFilePath(std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::InvalidArgument,
                cat("'", printable(path.substr(0, 200)), "' cannot be used as a path: ", why),
                "Name an absolute path in the sandbox, for instance /workspace/data.txt.");
  };
  if (path.size() > kMaxPath) {
    return refuse("it is longer than 4095 bytes");
  }
  if (!path.starts_with('/')) {
    return refuse("it is not absolute");
  }
  if (path.contains('\0')) {
    return refuse("it has a NUL byte");
  }
  std::string normal;
  for (const std::string_view component : split(path, '/')) {
    if (component == "..") {
      return refuse("it has a '..' component");
    }
    if (!component.empty() && component != ".") {
      normal += cat("/", component);
    }
  }
  for (const std::string_view tree : kKernelTrees) {
    if (isWithin(normal, tree)) {
      return refuse(cat("what is in ", tree, " belongs to the kernel"));
    }
  }
  return normal.empty() ? "/" : std::move(normal);
}

Status checkFileMode(std::uint32_t mode) {
  return mode <= 0777 ? Status()
                      : fail(ErrorCode::InvalidArgument, "a file's mode is at most 0777",
                             "Set-id and sticky bits are for commands in the sandbox to set.");
}

Result<std::uint32_t> parseFileMode(std::string_view text) {
  const auto mode = parseNumber<std::uint32_t>(text, 8);
  if (!mode || text.size() > 5) {
    return fail(ErrorCode::InvalidArgument,
                cat("not a file mode: '", printable(text.substr(0, 64)), "'"),
                "Write octal permission bits, for instance 0644.");
  }
  AK_TRY(checkFileMode(*mode));
  return *mode;
}

}  // namespace ak::policy
