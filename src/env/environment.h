#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ak::env {

// Looks a variable up; nullopt when it is not set. A function, so that tests bring their own
// variables and two environments can stand side by side in one process.
using Environment = std::function<std::optional<std::string>(const char* name)>;

// The environment of this process. Not safe while another thread calls setenv; nothing of ours
// does.
Environment processEnvironment();

// Set and not empty: the XDG specification and most tools treat an empty variable as unset.
std::optional<std::string> nonEmpty(const Environment& environment, const char* name);

// The variable when it is an absolute path; a relative one is ignored, as the XDG specification
// demands: it would mean another directory in each working directory.
std::optional<std::string> absolutePath(const Environment& environment, const char* name);

}  // namespace ak::env
