#include "channel/stream.h"

#include <gtest/gtest.h>

#include "net/loop.h"

namespace ak::channel {
namespace {

TEST(StreamTest, OneByteFramesAreJoinedAlsoWhenChannelsAlternate) {
  net::Loop loop;
  Stream stream(loop.executor(), 1);
  for (std::uint32_t i = 0; i < wire::kInitialCredit; ++i) {
    ASSERT_TRUE(stream.addData(wire::kStdout, "o"));
    ASSERT_TRUE(stream.addData(wire::kStderr, "e"));
  }
  std::size_t items = 0;
  std::size_t bytes = 0;
  while (auto item = stream.take()) {
    ++items;
    bytes += item->data.size();
  }
  EXPECT_EQ(bytes, std::size_t{2} * wire::kInitialCredit);
  EXPECT_LE(items, 20U);
  EXPECT_FALSE(stream.addData(wire::kStdout, "beyond"));
}

TEST(StreamTest, CreditComesBackOnceHalfAWindowWasTaken) {
  net::Loop loop;
  Stream stream(loop.executor(), 1);
  ASSERT_TRUE(stream.addData(wire::kStdout, std::string(wire::kInitialCredit / 2, 'x')));
  EXPECT_EQ(stream.creditDue(wire::kStdout), 0U);
  while (stream.take()) {
  }
  EXPECT_EQ(stream.creditDue(wire::kStdout), wire::kInitialCredit / 2);
  EXPECT_EQ(stream.creditDue(wire::kStdout), 0U);
  EXPECT_TRUE(stream.addData(wire::kStdout, std::string(wire::kInitialCredit, 'x')));
}

}  // namespace
}  // namespace ak::channel
