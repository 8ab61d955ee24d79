#include "base/error_code.h"

#include <set>

#include <gtest/gtest.h>

namespace ak {
namespace {

TEST(ErrorCodeTest, TheTableHasOneRowPerCodeInEnumOrder) {
  for (std::size_t i = 0; i < kErrorCodes.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(kErrorCodes[i].code), i) << kErrorCodes[i].name;
  }
  EXPECT_EQ(static_cast<std::size_t>(ErrorCode::Internal) + 1, kErrorCodes.size());
}

TEST(ErrorCodeTest, NamesAreUniqueSnakeCaseAndFoundAgain) {
  std::set<std::string_view> names;
  for (const ErrorCodeInfo& info : kErrorCodes) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(info.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
    EXPECT_EQ(errorCodeFromName(info.name), info.code);
    EXPECT_EQ(errorCodeInfo(info.code).name, info.name);
    EXPECT_FALSE(info.meaning.empty());
  }
}

TEST(ErrorCodeTest, AnUnknownNameIsInternalBecauseThePeerMayBeNewer) {
  EXPECT_EQ(errorCodeFromName("quota_of_tomorrow"), ErrorCode::Internal);
  EXPECT_EQ(errorCodeFromName(""), ErrorCode::Internal);
}

TEST(ErrorCodeTest, EveryStatusIsAFailureAndShellConventionsHold) {
  for (const ErrorCodeInfo& info : kErrorCodes) {
    EXPECT_GE(info.http_status, 400) << info.name;
    EXPECT_LT(info.http_status, 600) << info.name;
    EXPECT_GE(info.exit_status, 124) << info.name;
    EXPECT_LE(info.exit_status, 127) << info.name;
  }
  EXPECT_EQ(errorCodeInfo(ErrorCode::CommandNotFound).exit_status, 127);
  EXPECT_EQ(errorCodeInfo(ErrorCode::CommandNotRunnable).exit_status, 126);
  EXPECT_EQ(errorCodeInfo(ErrorCode::Timeout).exit_status, 124);
}

}  // namespace
}  // namespace ak
