#include "base/result.h"

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace ak {

namespace {

ErrorCode codeFromErrno(int sys_errno) {
  switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
      return ErrorCode::NotFound;
    case EEXIST:
      return ErrorCode::AlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::PermissionDenied;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
      return ErrorCode::InvalidArgument;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EAGAIN:
      return ErrorCode::Capacity;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
      return ErrorCode::Unavailable;
    case ETIMEDOUT:
      return ErrorCode::Timeout;
    case ENOSYS:
    case EOPNOTSUPP:
      return ErrorCode::Unsupported;
    case EFBIG:
    case E2BIG:
    case EMSGSIZE:
      return ErrorCode::TooLarge;
    default:
      return ErrorCode::Internal;
  }
}

}  // namespace

std::string errnoText(int sys_errno) {
  char buffer[128];
  return strerror_r(sys_errno, buffer, sizeof buffer);
}

Error Error::fromErrno(int sys_errno, std::string_view what) {
  return {codeFromErrno(sys_errno), cat(what, ": ", errnoText(sys_errno)), {}, sys_errno};
}

Error Error::make(ErrorCode code, std::string message, std::string remedy) {
  return {code, std::move(message), std::move(remedy), 0};
}

Error Error::context(std::string_view outer) && {
  message = cat(outer, ": ", message);
  return std::move(*this);
}

std::unexpected<Error> fail(ErrorCode code, std::string message, std::string remedy) {
  return std::unexpected(Error::make(code, std::move(message), std::move(remedy)));
}

std::unexpected<Error> failErrno(int sys_errno, std::string_view what) {
  return std::unexpected(Error::fromErrno(sys_errno, what));
}

std::unexpected<Error> failErrno(std::string_view what) {
  return failErrno(errno, what);
}

}  // namespace ak
