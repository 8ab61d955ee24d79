#include "base/clock.h"

#include <array>
#include <cstdio>

#include "base/text.h"

namespace ak {

std::string formatTime(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::array<char, 64> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
      static_cast<int>(clock.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

namespace {

// Takes `digits` decimal digits off the front of `text`.
std::optional<int> takeDigits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) {
    return std::nullopt;
  }
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool takeChar(std::string_view& text, std::string_view any_of) {
  if (text.empty() || !any_of.contains(text.front())) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

std::optional<std::chrono::minutes> takeOffset(std::string_view& text) {
  if (takeChar(text, "Zz")) {
    return std::chrono::minutes(0);
  }
  if (text.empty() || (text.front() != '+' && text.front() != '-')) {
    return std::nullopt;
  }
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = takeDigits(text, 2);
  if (!hours || !takeChar(text, ":")) {
    return std::nullopt;
  }
  const auto minutes = takeDigits(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) {
    return std::nullopt;
  }
  return std::chrono::minutes(sign * (*hours * 60 + *minutes));
}

}  // namespace

std::optional<WallTime> parseTime(std::string_view text) {
  using namespace std::chrono;
  const auto y = takeDigits(text, 4);
  if (!y || !takeChar(text, "-")) {
    return std::nullopt;
  }
  const auto mo = takeDigits(text, 2);
  if (!mo || !takeChar(text, "-")) {
    return std::nullopt;
  }
  const auto d = takeDigits(text, 2);
  if (!d || !takeChar(text, "Tt ")) {
    return std::nullopt;
  }
  const auto h = takeDigits(text, 2);
  if (!h || !takeChar(text, ":")) {
    return std::nullopt;
  }
  const auto mi = takeDigits(text, 2);
  if (!mi || !takeChar(text, ":")) {
    return std::nullopt;
  }
  const auto s = takeDigits(text, 2);
  if (!s || *h > 23 || *mi > 59 || *s > 60) {
    return std::nullopt;
  }
  microseconds fraction{0};
  if (takeChar(text, ".")) {
    std::size_t digits = 0;
    int scale = 100000;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      fraction += microseconds((text.front() - '0') * scale);
      scale /= 10;
      text.remove_prefix(1);
      if (++digits > 9) {
        return std::nullopt;
      }
    }
    if (digits == 0) {
      return std::nullopt;
    }
  }
  const auto offset = takeOffset(text);
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)},
                            day{static_cast<unsigned>(*d)}};
  if (!offset || !text.empty() || !date.ok()) {
    return std::nullopt;
  }
  return sys_days{date} + hours(*h) + minutes(*mi) + seconds(*s) + fraction - *offset;
}

std::optional<std::chrono::seconds> parseDuration(std::string_view text) {
  if (text.empty()) {
    return std::nullopt;
  }
  std::int64_t unit = 0;
  switch (text.back()) {
    case 's':
      unit = 1;
      break;
    case 'm':
      unit = 60;
      break;
    case 'h':
      unit = 3600;
      break;
    case 'd':
      unit = 86400;
      break;
    default:
      break;
  }
  if (unit != 0) {
    text.remove_suffix(1);
  }
  const auto count = parseNumber<std::int64_t>(text);
  constexpr std::int64_t kMost = std::int64_t{100} * 366 * 86400;
  unit = unit == 0 ? 1 : unit;
  if (!count || *count < 0 || *count > kMost / unit) {
    return std::nullopt;
  }
  return std::chrono::seconds(*count * unit);
}

}  // namespace ak
