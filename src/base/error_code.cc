#include "base/error_code.h"

#include <cstddef>

namespace ak {

const std::array<ErrorCodeInfo, 18> kErrorCodes = {{
    {ErrorCode::InvalidArgument, "invalid_argument", 400, 125, "the input is wrong"},
    {ErrorCode::Unauthenticated, "unauthenticated", 401, 125, "no or bad credentials"},
    {ErrorCode::PermissionDenied, "permission_denied", 403, 125, "the caller may not do this"},
    {ErrorCode::PolicyDenied, "policy_denied", 403, 125, "a configured policy refuses this"},
    {ErrorCode::NotFound, "not_found", 404, 125, "there is no such thing"},
    {ErrorCode::MethodNotAllowed, "method_not_allowed", 405, 125, "the path has other methods"},
    {ErrorCode::AlreadyExists, "already_exists", 409, 125, "the name is taken"},
    {ErrorCode::Conflict, "conflict", 409, 125, "the state does not allow this now"},
    {ErrorCode::TooLarge, "too_large", 413, 125, "over a documented limit"},
    {ErrorCode::Unsupported, "unsupported", 422, 125, "this backend or build cannot do it"},
    {ErrorCode::Capacity, "capacity", 503, 125, "the host's budget is used up"},
    {ErrorCode::CommandNotFound, "command_not_found", 422, 127, "no such command in the sandbox"},
    {ErrorCode::CommandNotRunnable, "command_not_runnable", 422, 126, "the command cannot be run"},
    {ErrorCode::Timeout, "timeout", 504, 124, "a deadline passed"},
    {ErrorCode::Unavailable, "unavailable", 503, 125, "something needed is down"},
    {ErrorCode::Cancelled, "cancelled", 499, 125, "the caller went away"},
    {ErrorCode::Protocol, "protocol", 502, 125, "a peer broke the protocol"},
    {ErrorCode::Internal, "internal", 500, 125, "a bug, or the kernel's surprise"},
}};

const ErrorCodeInfo& errorCodeInfo(ErrorCode code) {
  return kErrorCodes[static_cast<std::size_t>(code)];
}

ErrorCode errorCodeFromName(std::string_view name) {
  for (const ErrorCodeInfo& info : kErrorCodes) {
    if (info.name == name) {
      return info.code;
    }
  }
  return ErrorCode::Internal;
}

}  // namespace ak
