#include "guest/output_ring.h"

#include <string>

#include <gtest/gtest.h>

namespace ak::guest {
namespace {

std::string contentOf(const OutputRing& ring) {
  std::string text(static_cast<std::size_t>(ring.end() - ring.begin()) + 10, '?');
  text.resize(ring.copy(ring.begin(), text.data(), text.size()));
  return text;
}

TEST(OutputRingTest, KeepsTheLastBytesAndTheirNumbers) {
  OutputRing ring(8);
  ring.append("abcdef");
  EXPECT_EQ(contentOf(ring), "abcdef");
  EXPECT_EQ(ring.room(), 2U);
  ring.append("ghij");
  EXPECT_EQ(contentOf(ring), "cdefghij");
  EXPECT_EQ(ring.begin(), 2U);
  EXPECT_EQ(ring.end(), 10U);
  ring.drop(9);
  EXPECT_EQ(contentOf(ring), "j");
  ring.drop(3);
  EXPECT_EQ(ring.begin(), 9U) << "what is dropped stays dropped";
  ring.drop(100);
  EXPECT_EQ(ring.begin(), 10U);
  ring.append("0123456789abcdef");
  EXPECT_EQ(contentOf(ring), "89abcdef") << "more than it holds, at once";
  EXPECT_EQ(ring.end(), 26U);
}

TEST(OutputRingTest, GrowsWithWhatItKeeps) {
  OutputRing ring(256 * 1024);
  std::string all;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece = "line " + std::to_string(i) + "\n";
    ring.append(piece);
    all += piece;
    if (i == 500) {
      ring.drop(1234);
    }
  }
  EXPECT_EQ(contentOf(ring), all.substr(1234));
  char part[5];
  EXPECT_EQ(ring.copy(2000, part, sizeof part), 5U);
  EXPECT_EQ(std::string(part, 5), all.substr(2000, 5));
}

TEST(OutputRingTest, ClearedItGoesOnAtItsEnd) {
  OutputRing ring(4096);
  ring.append("abc");
  ring.clear();
  EXPECT_EQ(contentOf(ring), "");
  ring.append("d");
  EXPECT_EQ(ring.begin(), 3U);
  EXPECT_EQ(contentOf(ring), "d");
}

}  // namespace
}  // namespace ak::guest
