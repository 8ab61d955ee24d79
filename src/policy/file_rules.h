#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ak::policy {

// What may be asked of the files of a running sandbox. All of them are the guest's, which a command
// could reach as well: these rules keep what is no file out, and mistakes; they are no boundary.
// That is the agent's resolution beneath the sandbox's root.

// The path in its one form: no empty and no `.` component, no slash at its end. "/" is the root.
// InvalidArgument when it is not absolute, longer than 4095 bytes (PATH_MAX with its NUL), has a
// NUL or a `..` component, or is or lies below /proc, /sys or /dev: there reading and writing are
// actions of the kernel. Judged by component after normalising, so `//proc` is refused, and /devel
// and a..b are names like any other.
Result<std::string> sandboxFilePath(std::string_view path);

// Permission bits of a new file: at most 0777. With set-id bits a file that the host delivers would
// be a way to another user inside.
Status checkFileMode(std::uint32_t mode);
// "0644", "644": such bits in octal.
Result<std::uint32_t> parseFileMode(std::string_view text);

}  // namespace ak::policy
