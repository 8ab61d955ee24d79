#pragma once

#include <array>
#include <string>
#include <string_view>

namespace ak::crypto {

// SHA-256 (FIPS 180-4) of a byte stream, piece by piece.
//   Sha256 hash; hash.update(piece); ...; const std::string digest = hash.finishHex();
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  // 64 lower-case hex digits; the object starts afresh.
  std::string finishHex();
  // 32 raw bytes; the object starts afresh.
  std::string finish();

 private:
  // libsodium's state, kept out of this header; the .cc checks size and alignment.
  alignas(8) std::array<unsigned char, 104> state_;
};

std::string sha256Hex(std::string_view bytes);

}  // namespace ak::crypto
