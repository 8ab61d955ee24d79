#include "manager/id_ranges.h"

#include <set>

#include <gtest/gtest.h>

namespace ak::manager {
namespace {

TEST(IdRangesTest, EveryRangeIsGivenOnceAndThenThereAreNone) {
  IdRanges ids;
  std::set<std::uint32_t> bases;
  for (std::uint32_t i = 0; i < IdRanges::kSlots; ++i) {
    const auto range = ids.take();
    ASSERT_TRUE(range);
    EXPECT_GE(range->base, IdRanges::kFirst);
    EXPECT_LE(range->base + (range->count - 1), IdRanges::kEnd - 1);
    EXPECT_TRUE(bases.insert(range->base).second);
  }
  const auto none = ids.take();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::Capacity);
}

TEST(IdRangesTest, AReservedRangeIsNotGiven) {
  IdRanges ids;
  ids.reserve({IdRanges::kFirst, IdRanges::kCount});
  EXPECT_NE(ids.take()->base, IdRanges::kFirst);
}

TEST(IdRangesTest, AGivenRangeIsNotGivenAgainAtOnce) {
  IdRanges ids;
  const auto first = *ids.take();
  ids.give(first);
  EXPECT_NE(ids.take()->base, first.base);
  EXPECT_EQ(ids.taken(), 1U);
}

TEST(IdRangesTest, RangesOfARootlessUserAreLeftAlone) {
  IdRanges ids;
  ids.give({1000, 1});
  ids.reserve({100000, 65536});
  EXPECT_EQ(ids.taken(), 0U);
}

}  // namespace
}  // namespace ak::manager
