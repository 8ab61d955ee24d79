#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/tlv.h"

// What the record codecs of this folder share.
namespace ak::wire {

// Bounds of every decoded list. A record cannot be larger than a frame, so the total is bounded by
// kMaxPayload; the counts bound what one byte of input may cost in memory.
inline constexpr std::size_t kMaxArguments = 1024;
inline constexpr std::size_t kMaxEnvironment = 4096;
inline constexpr std::size_t kMaxPath = 4095;  // PATH_MAX without the NUL

inline std::unexpected<Error> malformed(std::string_view record) {
  std::string message("malformed ");
  message += record;
  return fail(ErrorCode::Protocol, std::move(message));
}

inline bool hasNul(std::string_view text) {
  return text.contains('\0');
}

// Appends unless the list is full.
inline bool appendBounded(std::vector<std::string>& list,
                          std::string_view item,
                          std::size_t limit) {
  if (list.size() >= limit) {
    return false;
  }
  list.emplace_back(item);
  return true;
}

}  // namespace ak::wire
