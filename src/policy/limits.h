#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/profiles.h"

namespace ak::policy {

// One limit on its way through the sources, whatever it counts.
struct LimitQuestion {
  std::string_view key;  // "memory"
  enum class Unit { Bytes, Percent, Count } unit = Unit::Count;
  std::uint64_t minimum = 1;
  std::uint64_t maximum = ~std::uint64_t{0};
  std::uint64_t profile_value = 0;  // 0 = the profile sets none
  std::string profile_origin;
  bool profile_is_ceiling = false;  // restrictive
  MaybeWish<std::uint64_t> asked;
  MaybeWish<std::uint64_t> ceiling;
};

struct LimitAnswer {
  std::uint64_t value = 0;
  bool must_hold = false;
  std::string origin;
};

// Appends a note for every clamp. InvalidArgument names key, origin and the accepted range.
Result<LimitAnswer> resolveLimit(const LimitQuestion& question, std::vector<std::string>& notes);

// "512 MiB", "150%", "64"; "none" for 0.
std::string describeLimit(LimitQuestion::Unit unit, std::uint64_t value);

}  // namespace ak::policy
