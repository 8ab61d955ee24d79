#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ak::image {

inline constexpr std::size_t kTarBlock = 512;

// Fields of a 512-byte header block: {offset, size}, POSIX ustar.
struct TarField {
  std::size_t offset;
  std::size_t size;
};

inline constexpr TarField kTarName{0, 100}, kTarMode{100, 8}, kTarUid{108, 8}, kTarGid{116, 8},
    kTarSize{124, 12}, kTarTime{136, 12}, kTarChecksum{148, 8}, kTarTypeFlag{156, 1},
    kTarLink{157, 100}, kTarMagic{257, 6}, kTarMajor{329, 8}, kTarMinor{337, 8},
    kTarPrefix{345, 155};

// Up to the first NUL.
std::string_view tarText(std::string_view header, TarField field);
// Octal with spaces or NULs around it (blank is 0), or GNU's base-256; nullopt for anything else,
// and for negative or over 63 bits.
std::optional<std::uint64_t> tarNumber(std::string_view header, TarField field);
// Whether the block's checksum is right, summed unsigned or (old tools) signed.
bool tarChecksumOk(std::string_view header);
bool tarBlockIsZero(std::string_view block);

}  // namespace ak::image
