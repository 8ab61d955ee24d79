#include <gtest/gtest.h>

#include "base/text.h"
#include "crypto/mac.h"
#include "crypto/sha256.h"

namespace ak::crypto {
namespace {

TEST(Sha256Test, MatchesPublishedVectors) {
  EXPECT_EQ(sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Test, DoesNotDependOnHowTheInputIsCutAndStartsAfresh) {
  const std::string text(1000, 'x');
  Sha256 hash;
  for (std::size_t i = 0; i < text.size(); i += 7) {
    hash.update(std::string_view(text).substr(i, 7));
  }
  EXPECT_EQ(hash.finishHex(), sha256Hex(text));
  hash.update("abc");
  EXPECT_EQ(hash.finishHex(), sha256Hex("abc"));
}

// RFC 4231 test case 1 has a 20-byte key; crypto_auth wants 32 bytes, and HMAC pads with zeros.
TEST(MacTest, IsHmacSha512CutTo256Bits) {
  std::string key(20, '\x0b');
  key.resize(kMacKeySize, '\0');
  EXPECT_EQ(toHex(mac(key, "Hi There")),
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde");
}

TEST(MacTest, DependsOnKeyAndMessage) {
  const std::string key(kMacKeySize, 'k');
  EXPECT_NE(mac(key, "a"), mac(key, "b"));
  EXPECT_NE(mac(key, "a"), mac(std::string(kMacKeySize, 'l'), "a"));
}

TEST(MacTest, ComparesByValueAndSize) {
  EXPECT_TRUE(equalInConstantTime("abc", "abc"));
  EXPECT_FALSE(equalInConstantTime("abc", "abd"));
  EXPECT_FALSE(equalInConstantTime("abc", "ab"));
  EXPECT_TRUE(equalInConstantTime("", ""));
}

TEST(WipeTest, ClearsTheBytesAndTheString) {
  std::string secret(64, 's');
  const char* where = secret.data();
  wipe(secret);
  EXPECT_TRUE(secret.empty());
  EXPECT_EQ(where[1], '\0');
}

}  // namespace
}  // namespace ak::crypto
