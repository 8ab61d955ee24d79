#include "manager/id_ranges.h"

#include "base/text.h"

namespace ak::manager {

bool IdRanges::isOurs(const model::IdRange& range) {
  return range.count == kCount && range.base >= kFirst && range.base < kEnd &&
         (range.base - kFirst) % kCount == 0;
}

Result<model::IdRange> IdRanges::take() {
  for (std::uint32_t tried = 0; tried < kSlots; ++tried) {
    const std::uint32_t slot = next_;
    next_ = (next_ + 1) % kSlots;
    if (!taken_[slot]) {
      taken_[slot] = true;
      return model::IdRange{kFirst + slot * kCount, kCount};
    }
  }
  return fail(ErrorCode::Capacity,
              cat("all ", kSlots, " ranges of user ids are in use by sandboxes"),
              "Remove sandboxes that are no longer needed: agentkernel list");
}

void IdRanges::reserve(const model::IdRange& range) {
  if (isOurs(range)) {
    taken_[(range.base - kFirst) / kCount] = true;
  }
}

void IdRanges::give(const model::IdRange& range) {
  if (isOurs(range)) {
    taken_[(range.base - kFirst) / kCount] = false;
  }
}

}  // namespace ak::manager
