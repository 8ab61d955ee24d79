#include "model/base64.h"

#include <gtest/gtest.h>

namespace ak::model {
namespace {

TEST(Base64Test, TheVectorsOfRfc4648HoldBothWays) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(toBase64(bytes), text);
    EXPECT_EQ(fromBase64(text), bytes);
  }
}

TEST(Base64Test, AllBytesSurvive) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
  }
  EXPECT_EQ(fromBase64(toBase64(bytes)), bytes);
}

TEST(Base64Test, OnlyTheCanonicalSpellingIsAccepted) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "====", "Z===", "Zg==Zg==", "Zm 9v",
                          "Zm9v\n", "Zm-v", "=Zg="}) {
    EXPECT_FALSE(fromBase64(bad)) << bad;
  }
}

}  // namespace
}  // namespace ak::model
