#pragma once

#include <array>
#include <string_view>

namespace ak {

// The kinds of failure that agentkernel reports, the same in C++, HTTP, MCP and exit codes.
// A guest that exits non-zero, a timed-out command or a denied request is an outcome (a value),
// not an Error: an Error means that we could not do what was asked.
enum class ErrorCode {
  InvalidArgument,     // the caller's input is wrong; trying again unchanged cannot help
  Unauthenticated,     // no or bad credentials
  PermissionDenied,    // known caller, not allowed
  PolicyDenied,        // a configured policy refuses
  NotFound,            // no such sandbox, image, route, file
  MethodNotAllowed,    // HTTP method not offered on that path
  AlreadyExists,       // the name is taken
  Conflict,            // wrong state for this operation, or the identity changed meanwhile
  TooLarge,            // over a documented size limit
  Unsupported,         // this backend or build cannot do it; remedy names what can
  Capacity,            // host budget exhausted; nothing was made
  CommandNotFound,     // argv[0] does not exist in the sandbox (shell's 127)
  CommandNotRunnable,  // argv[0] exists but cannot be executed (shell's 126)
  Timeout,             // our own deadline passed, not the guest command's
  Unavailable,         // something we need is down; trying again may help
  Cancelled,           // the caller went away
  Protocol,            // a peer (guest, client, launcher) broke a protocol
  Internal,            // a bug or an unexpected kernel answer
};

struct ErrorCodeInfo {
  ErrorCode code;
  std::string_view name;  // stable snake_case word, part of every interface
  int http_status;
  int exit_status;  // of the CLI when we fail; 125 unless a shell convention says otherwise
  std::string_view meaning;
};

// One row per code, in enum order; docs/errors.md is generated from it.
extern const std::array<ErrorCodeInfo, 18> kErrorCodes;

const ErrorCodeInfo& errorCodeInfo(ErrorCode code);

// Internal when the word is unknown: the peer may be newer than we are.
ErrorCode errorCodeFromName(std::string_view name);

}  // namespace ak
