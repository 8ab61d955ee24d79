#include "os/user_namespace.h"

#include <gtest/gtest.h>

namespace ak::os {
namespace {

TEST(SubordinateIdsTest, NamesAndNumbersBothCount) {
  const auto found = subordinateIds("a:100:10\n1000:300:20\nb:500:30\nbad:x:y\na:1\n", "a", 1000);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0], (IdExtent{0, 100, 10}));
  EXPECT_EQ(found[1], (IdExtent{0, 300, 20}));
}

}  // namespace
}  // namespace ak::os
