#pragma once

#include <algorithm>

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

inline std::uint32_t poolSize(const PoolSection& pool) {
  return pool.size ? pool.size->value : kDefaultPoolSize;
}

// Who asks for a size above the usual maximum has asked for room for it too.
inline std::uint32_t poolMax(const PoolSection& pool) {
  return pool.max ? pool.max->value : std::max(poolSize(pool), kDefaultPoolMax);
}

extern const SectionSpec kPoolSpec;
Status readPool(const SectionReader& reader, PoolSection& out);

}  // namespace ak::config
