#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

// Payload of Reset and Goodbye: TLV {1 code name, 2 message, 3 remedy}.
namespace ak::wire {

inline constexpr std::size_t kMaxErrorText = 4096;

// Message and remedy are cut at kMaxErrorText bytes.
std::string encodeError(const Error& error);
// What the peer reports. A malformed payload is reported as Protocol: the stream is gone anyway.
Error decodeError(std::string_view text);

}  // namespace ak::wire
