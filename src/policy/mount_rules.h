#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ak::policy {

// Where --file and [[files]] may put something in a sandbox: an absolute file path of at most 1024
// bytes without `.`, `..` or empty components or control bytes, not in /proc, /sys or /dev (kernel
// interfaces: a write there is an action, not a file), and not where the agent keeps its own.
// InvalidArgument otherwise.
Status checkInjectionTarget(std::string_view path);

struct FileFlag {
  std::string source;       // as given; relative to the client's directory
  std::string destination;  // checked
};

// "SRC:DEST". Split at the last colon that a slash follows: DEST is absolute, SRC may hold colons.
Result<FileFlag> parseFileFlag(std::string_view text);

// "0644", "644", "0o755": octal, permission bits only. Set-id bits are refused: with them a file
// that the host delivers would be a way to another user inside.
Result<std::uint32_t> parseFileMode(std::string_view text);

}  // namespace ak::policy
