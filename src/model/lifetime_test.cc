#include "model/lifetime.h"

#include <gtest/gtest.h>

namespace ak::model {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const WallTime kNow = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1};

TEST(LifetimeTest, ATimeToLiveIsCountedFromNow) {
  const Lifetime lifetime = lifetimeFrom(kNow, 3600, {});
  EXPECT_EQ(lifetime.expires_at, "2026-03-01T01:00:00.000000Z");
  EXPECT_EQ(lifetime.last_activity_at, "2026-03-01T00:00:00.000000Z");
  EXPECT_EQ(lifetimeFrom(kNow, std::nullopt, {}).expires_at, "");
}

TEST(LifetimeTest, ExtendingBeginsAtTheLaterOfNowAndTheExpiry) {
  Lifetime lifetime = lifetimeFrom(kNow, 3600, {});
  ASSERT_TRUE(extend(lifetime, kNow + seconds(10), kNow, 60).has_value());
  EXPECT_EQ(parseTime(lifetime.expires_at), kNow + seconds(3660));
  EXPECT_EQ(lifetime.ttl_seconds, 3660U);
  ASSERT_TRUE(extend(lifetime, kNow + hours(5), kNow, 60).has_value());
  EXPECT_EQ(parseTime(lifetime.expires_at), kNow + hours(5) + seconds(60));
}

TEST(LifetimeTest, WhatHasNoExpiryOrNoneThatCanBeReadGainsOne) {
  for (const char* text : {"", "next tuesday"}) {
    Lifetime lifetime;
    lifetime.expires_at = text;
    ASSERT_TRUE(extend(lifetime, kNow, kNow - hours(1), 60).has_value());
    EXPECT_EQ(parseTime(lifetime.expires_at), kNow + seconds(60));
    EXPECT_EQ(lifetime.ttl_seconds, 3660U);
  }
}

TEST(LifetimeTest, ASandboxFromTheFutureKeepsItsTimeToLive) {
  Lifetime lifetime = lifetimeFrom(kNow, 60, {});
  ASSERT_TRUE(extend(lifetime, kNow, kNow + hours(1000), 60).has_value());
  EXPECT_EQ(lifetime.ttl_seconds, 60U);
}

TEST(LifetimeTest, HugeNumbersAreRefusedAndChangeNothing) {
  Lifetime lifetime = lifetimeFrom(kNow, 60, {});
  const Lifetime before = lifetime;
  for (const std::uint64_t huge : {kMaxLifetimeSeconds + 1, UINT64_MAX, UINT64_MAX / 2}) {
    EXPECT_EQ(extend(lifetime, kNow, kNow, huge).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(validateTtl(huge).error().code, ErrorCode::InvalidArgument);
    EXPECT_FALSE(validate(LifecyclePolicy{.auto_delete_after_seconds = huge}).has_value());
  }
  // Not by small steps either.
  ASSERT_TRUE(extend(lifetime, kNow, kNow, kMaxLifetimeSeconds - 60).has_value());
  EXPECT_FALSE(extend(lifetime, kNow, kNow, 1).has_value());
  EXPECT_NE(lifetime, before);
  EXPECT_EQ(lifetimeFrom(kNow, UINT64_MAX, {}).expires_at.substr(0, 2), "21");
}

}  // namespace
}  // namespace ak::model
