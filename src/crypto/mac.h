#pragma once

#include <array>
#include <string>
#include <string_view>

namespace ak::crypto {

inline constexpr std::size_t kMacKeySize = 32;
inline constexpr std::size_t kMacSize = 32;

// crypto_auth of libsodium: HMAC-SHA512, cut to 256 bits. The key must have kMacKeySize bytes.
std::string mac(std::string_view key, std::string_view message);

// Takes the same time wherever the difference is. Strings of unequal size are unequal.
bool equalInConstantTime(std::string_view a, std::string_view b);

// Overwrites the bytes in a way that the compiler may not leave out, then empties the string.
void wipe(std::string& secret);

}  // namespace ak::crypto
