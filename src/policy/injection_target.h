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

}  // namespace ak::policy
