#pragma once

#include "config/section_reader.h"

namespace ak::config {

// [pool]: boxes kept warm.
struct PoolSection {
  Maybe<std::uint32_t> size;
  Maybe<std::uint32_t> max;
  bool operator==(const PoolSection&) const = default;
};

inline constexpr std::uint32_t kDefaultPoolSize = 2;
inline constexpr std::uint32_t kDefaultPoolMax = 8;

extern const SectionSpec kPoolSpec;
Status readPool(const SectionReader& reader, PoolSection& out);

}  // namespace ak::config
