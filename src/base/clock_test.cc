#include "base/clock.h"

#include <gtest/gtest.h>

namespace ak {
namespace {

using namespace std::chrono_literals;

WallTime at(std::chrono::year_month_day day, std::chrono::microseconds since_midnight) {
  return std::chrono::sys_days{day} + since_midnight;
}

TEST(ClockTest, TimesAreWrittenInUtcWithMicroseconds) {
  using namespace std::chrono;
  EXPECT_EQ(formatTime(at(2026y / 1 / 2, 3h + 4min + 5s + 678901us)),
            "2026-01-02T03:04:05.678901Z");
  EXPECT_EQ(formatTime(WallTime{}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(formatTime(WallTime{-1us}), "1969-12-31T23:59:59.999999Z");
}

TEST(ClockTest, WhatIsWrittenIsRead) {
  for (const WallTime time : {WallTime{}, WallTime{-1us}, WallTime{1767323045678901us}}) {
    EXPECT_EQ(parseTime(formatTime(time)), time);
  }
}

TEST(ClockTest, EveryRfc3339FormIsRead) {
  using namespace std::chrono;
  const WallTime expected = at(2026y / 1 / 2, 3h + 4min + 5s);
  for (const char* text :
       {"2026-01-02T03:04:05Z", "2026-01-02t03:04:05z", "2026-01-02 03:04:05Z",
        "2026-01-02T05:34:05+02:30", "2026-01-01T22:04:05-05:00", "2026-01-02T03:04:05.0Z",
        "2026-01-02T03:04:05.000000999Z", "2026-01-02T03:04:05-00:00"}) {
    EXPECT_EQ(parseTime(text), expected) << text;
  }
  EXPECT_EQ(parseTime("2026-01-02T03:04:05.5Z"), expected + 500ms);
  EXPECT_EQ(parseTime("2016-12-31T23:59:60Z"), at(2017y / 1 / 1, 0us));  // a leap second
}

TEST(ClockTest, WhatIsNotATimeIsRefused) {
  for (const char* text :
       {"", "2026", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-02T24:00:00Z",
        "2026-01-02T00:60:00Z", "2026-01-02T00:00:61Z", "2026-01-02T00:00:00",
        "2026-01-02T00:00:00.Z", "2026-01-02T00:00:00.1234567890Z", "2026-01-02T00:00:00+1:00",
        "2026-01-02T00:00:00+24:00", "2026-01-02T00:00:00Zx", " 2026-01-02T00:00:00Z",
        "2026-00-01T00:00:00Z", "-026-01-01T00:00:00Z"}) {
    EXPECT_FALSE(parseTime(text)) << text;
  }
}

TEST(ClockTest, DurationsHaveOneUnit) {
  EXPECT_EQ(parseDuration("90"), 90s);
  EXPECT_EQ(parseDuration("90s"), 90s);
  EXPECT_EQ(parseDuration("30m"), 30min);
  EXPECT_EQ(parseDuration("1h"), 1h);
  EXPECT_EQ(parseDuration("3d"), 72h);
  EXPECT_EQ(parseDuration("0"), 0s);
  for (const char* text : {"", "s", "-1", "-1s", "1.5h", "1h30m", "1w", " 1", "1 s", "+1", "36601d",
                           "9223372036854775807d", "99999999999999999999"}) {
    EXPECT_FALSE(parseDuration(text)) << text;
  }
}

TEST(ClockTest, TheFakeMovesOnlyWhenTold) {
  FakeClock clock;
  const SteadyTime steady = clock.steady();
  const WallTime wall = clock.wall();
  clock.advance(1500ms);
  EXPECT_EQ(clock.steady() - steady, 1500ms);
  EXPECT_EQ(clock.wall() - wall, 1500ms);
  clock.jumpWall(-1h);
  EXPECT_EQ(clock.steady() - steady, 1500ms);
  EXPECT_EQ(clock.wall() - wall, 1500ms - 1h);
}

}  // namespace
}  // namespace ak
