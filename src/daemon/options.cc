#include "daemon/options.h"

#include <unistd.h>

#include <array>

#include "base/text.h"

namespace ak::daemon {

namespace {

constexpr std::string_view kUsage =
    "agentkerneld [--ready-fd N] [--state-dir DIR] [--runtime-dir DIR] [--config FILE] [--doctor]";

Result<std::string> directoryOfProgram() {
  std::array<char, 4097> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0 || static_cast<std::size_t>(size) == path.size()) {
    return failErrno("reading /proc/self/exe");
  }
  const std::string program(path.data(), static_cast<std::size_t>(size));
  return program.substr(0, program.rfind('/'));
}

Status setPath(std::string& path, const std::string& flag, const std::string& value) {
  if (!value.starts_with('/')) {
    return fail(ErrorCode::InvalidArgument,
                cat(flag, " needs an absolute path, not '", value, "'"));
  }
  path = value;
  return {};
}

}  // namespace

Result<Options> parseOptions(const std::vector<std::string>& arguments) {
  Options options;
  options.paths = AK_TRY(env::findPaths());
  options.program_directory = AK_TRY(directoryOfProgram());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& flag = arguments[i];
    if (flag == "--doctor") {
      options.doctor = true;
      continue;
    }
    if (flag != "--ready-fd" && flag != "--state-dir" && flag != "--runtime-dir" &&
        flag != "--config") {
      return fail(ErrorCode::InvalidArgument, cat("unknown argument '", printable(flag), "'"),
                  cat("Usage: ", kUsage));
    }
    if (i + 1 == arguments.size()) {
      return fail(ErrorCode::InvalidArgument, cat(flag, " needs a value"), cat("Usage: ", kUsage));
    }
    const std::string& value = arguments[++i];
    if (flag == "--ready-fd") {
      const auto fd = parseNumber<int>(value);
      if (!fd || *fd < 3) {
        return fail(ErrorCode::InvalidArgument, "--ready-fd needs the number of a descriptor");
      }
      options.ready_fd = *fd;
    } else if (flag == "--state-dir") {
      AK_TRY(setPath(options.paths.state, flag, value));
    } else if (flag == "--runtime-dir") {
      AK_TRY(setPath(options.paths.runtime, flag, value));
    } else {
      AK_TRY(setPath(options.paths.user_config, flag, value));
    }
  }
  return options;
}

}  // namespace ak::daemon
