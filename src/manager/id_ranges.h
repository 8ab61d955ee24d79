#pragma once

#include <bitset>
#include <cstdint>

#include "base/result.h"
#include "model/box.h"

namespace ak::manager {

// Which range of host ids each sandbox has under a root daemon, so that no two sandboxes, and no
// sandbox and host user, share one (docs/adr/0006-id-ranges.md). On the loop.
class IdRanges {
 public:
  static constexpr std::uint32_t kFirst =
      0x70000000;  // above what distributions and systemd give out
  static constexpr std::uint32_t kEnd = 0x7ffe0000;  // below the ids that systemd keeps for itself
  static constexpr std::uint32_t kCount = 65536;
  static constexpr std::uint32_t kSlots = (kEnd - kFirst) / kCount;

  // Capacity when all are taken. Ranges go round, so that a
  // file left behind by mistake is not at once another sandbox's.
  Result<model::IdRange> take();
  // Of a recorded sandbox.
  void reserve(const model::IdRange& range);
  // Ranges that are not ours (rootless) are ignored.
  void give(const model::IdRange& range);

  std::uint32_t taken() const { return static_cast<std::uint32_t>(taken_.count()); }

 private:
  static bool isOurs(const model::IdRange& range);

  std::bitset<kSlots> taken_;
  std::uint32_t next_ = 0;
};

}  // namespace ak::manager
