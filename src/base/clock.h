#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace ak {

using Nanoseconds = std::chrono::nanoseconds;
using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

// Time enters by reference, so that tests move it by hand. Wall time is for records that people
// read; every decision about durations uses steady time, which no clock change moves.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime steady() const = 0;
  virtual WallTime wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }

  WallTime wall() const override {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
};

class FakeClock final : public Clock {
 public:
  SteadyTime steady() const override { return steady_; }

  WallTime wall() const override { return wall_; }

  void advance(Nanoseconds by) {
    steady_ += by;
    wall_ += std::chrono::duration_cast<std::chrono::microseconds>(by);
  }

  // Only the wall clock, as an administrator or NTP would.
  void jumpWall(std::chrono::microseconds by) { wall_ += by; }

 private:
  SteadyTime steady_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
};

// RFC 3339, UTC, microseconds: "2026-01-02T03:04:05.678901Z".
std::string formatTime(WallTime time);
// Any RFC 3339 form (offset, `t`/space separator, 0 to 9 fraction digits, leap second 60).
std::optional<WallTime> parseTime(std::string_view text);

// "90", "90s", "30m", "1h", "3d"; nullopt for anything else, negative or over 100 years.
std::optional<std::chrono::seconds> parseDuration(std::string_view text);

}  // namespace ak
