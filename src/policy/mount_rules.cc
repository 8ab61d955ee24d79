#include "policy/mount_rules.h"

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

Result<FileFlag> parseFileFlag(std::string_view text) {
  const std::size_t colon = text.rfind(":/");
  if (colon == std::string_view::npos || colon == 0) {
    return fail(ErrorCode::InvalidArgument,
                cat("not SRC:DEST: '", printable(text.substr(0, 200)), "'"),
                "Write --file SRC:DEST with an absolute DEST, for instance "
                "--file data.txt:/workspace/data.txt.");
  }
  FileFlag flag{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
  if (flag.source.contains('\0')) {
    return fail(ErrorCode::InvalidArgument, "the source of --file has a NUL byte");
  }
  AK_TRY(checkInjectionTarget(flag.destination));
  return flag;
}

Result<std::uint32_t> parseFileMode(std::string_view text) {
  const std::string_view digits = text.starts_with("0o") ? text.substr(2) : text;
  const auto mode = parseNumber<std::uint32_t>(digits, 8);
  if (!mode || digits.size() > 5 || *mode > 0777U) {
    return fail(ErrorCode::InvalidArgument,
                cat("not a file mode: '", printable(text.substr(0, 64)), "'"),
                "Write octal permission bits, for instance \"0644\"; set-id and sticky bits are "
                "refused.");
  }
  return *mode;
}

}  // namespace ak::policy
