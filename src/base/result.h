#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/error_code.h"

namespace ak {

// Why we could not do it. `message` reads outside-in ("starting sandbox web-1: mounting root: ...")
// and `remedy`, when not empty, is a full sentence that tells the user what to do next.
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::Internal;
  std::string message;
  std::string remedy;
  int sys_errno = 0;  // 0 unless a system call failed

  // "what: strerror text"; the code follows the errno (ENOENT -> NotFound, EACCES -> ...).
  static Error fromErrno(int sys_errno, std::string_view what);
  static Error make(ErrorCode code, std::string message, std::string remedy = {});

  // Prepends "outer: " to the message.
  Error context(std::string_view outer) &&;
  bool operator==(const Error&) const = default;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// fail(ErrorCode::NotFound, "no image 'x'", "List them with: agentkernel images list")
std::unexpected<Error> fail(ErrorCode code, std::string message, std::string remedy = {});
// failErrno("open /dev/kvm"): reads errno first.
std::unexpected<Error> failErrno(std::string_view what);
std::unexpected<Error> failErrno(int sys_errno, std::string_view what);

// Text of an errno, thread-safe.
std::string errnoText(int sys_errno);

}  // namespace ak

// AK_TRY(expr): the value of a Result, or return its Error from this function. Not in coroutines.
#define AK_TRY(expr)                                            \
  __extension__({                                               \
    auto ak_try_result = (expr);                                \
    if (!ak_try_result) [[unlikely]] {                          \
      return std::unexpected(std::move(ak_try_result).error()); \
    }                                                           \
    *std::move(ak_try_result);                                  \
  })

// The same inside a coroutine. `expr` must not contain co_await: await into a variable first.
#define AK_CO_TRY(expr)                                            \
  __extension__({                                                  \
    auto ak_try_result = (expr);                                   \
    if (!ak_try_result) [[unlikely]] {                             \
      co_return std::unexpected(std::move(ak_try_result).error()); \
    }                                                              \
    *std::move(ak_try_result);                                     \
  })
