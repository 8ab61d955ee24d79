#include "wire/hello.h"

#include <gtest/gtest.h>

namespace ak::wire {
namespace {

HostHello fullHostHello() {
  HostHello hello;
  hello.build = "1.2.3";
  hello.key = std::string(kKeySize, 'k');
  hello.has_rules = true;
  hello.rules.child_filter = std::string(16, '\1');
  hello.rules.child_capabilities = 0x1ffffffffffU;
  hello.rules.owner_lease_ms = 0;
  hello.rules.base_environment = {"A=1", "B="};
  hello.rules.can_group = true;
  return hello;
}

TEST(HelloTest, RoundTrips) {
  EXPECT_EQ(*decodeHostHello(encodeHostHello(fullHostHello())), fullHostHello());
  HostHello later;
  later.proof = std::string(kKeySize, 'p');
  EXPECT_EQ(*decodeHostHello(encodeHostHello(later)), later);
  GuestHello guest;
  guest.build = "x";
  guest.proof = later.proof;
  guest.boot_id = "abc";
  guest.capabilities = {"exec", "file"};
  EXPECT_EQ(*decodeGuestHello(encodeGuestHello(guest)), guest);
}

TEST(HelloTest, EveryTruncationIsAnErrorOrASmallerHello) {
  const std::string text = encodeHostHello(fullHostHello());
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto hello = decodeHostHello(std::string_view(text).substr(0, size));
    if (hello) {
      EXPECT_NE(*hello, fullHostHello()) << size;
      EXPECT_FALSE(hello->has_rules) << size;
    }
  }
}

TEST(HelloTest, RefusesKeysFiltersAndVariablesOfTheWrongShape) {
  HostHello hello = fullHostHello();
  hello.key.pop_back();
  EXPECT_FALSE(decodeHostHello(encodeHostHello(hello)));
  hello = fullHostHello();
  hello.rules.child_filter += 'x';
  EXPECT_FALSE(decodeHostHello(encodeHostHello(hello)));
  hello = fullHostHello();
  hello.rules.base_environment = {"novalue"};
  EXPECT_FALSE(decodeHostHello(encodeHostHello(hello)));
  hello.rules.base_environment.assign(5000, "A=1");
  EXPECT_FALSE(decodeHostHello(encodeHostHello(hello)));
}

TEST(PreambleTest, IsFoundBehindGarbageInEveryCut) {
  const Preamble preamble{std::string("0123456789abcde\xff"), 0x0102030405060708U};
  const std::string garbage = std::string("half a frame AKAGEN AKAKAGENT\0\xff", 31) + "AKAGENT";
  const std::string bytes = garbage + encodePreamble(preamble) + "rest";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    PreambleScanner scanner;
    std::size_t consumed = 0;
    auto done = scanner.feed(std::string_view(bytes).substr(0, cut), consumed);
    ASSERT_TRUE(done);
    std::size_t total = consumed;
    if (!*done) {
      EXPECT_EQ(consumed, cut);
      done = scanner.feed(std::string_view(bytes).substr(cut), consumed);
      total += consumed;
    }
    ASSERT_TRUE(done && *done) << cut;
    EXPECT_EQ(scanner.preamble(), preamble);
    EXPECT_EQ(bytes.substr(total), "rest") << cut;
  }
}

TEST(PreambleTest, GivesUpAfterTooMuchGarbage) {
  PreambleScanner scanner;
  std::size_t consumed = 0;
  EXPECT_TRUE(scanner.feed(std::string(PreambleScanner::kMaxSkip, 'x'), consumed));
  EXPECT_EQ(scanner.feed("xxxxxxxxx", consumed).error().code, ErrorCode::Protocol);
}

}  // namespace
}  // namespace ak::wire
