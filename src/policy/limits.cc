#include "policy/limits.h"

#include <array>

#include "base/text.h"

namespace ak::policy {

namespace {

Status checkRange(const LimitQuestion& question, const Wish<std::uint64_t>& wish) {
  if (wish.value >= question.minimum && wish.value <= question.maximum) {
    return {};
  }
  const auto shown = [&](std::uint64_t value) { return describeLimit(question.unit, value); };
  return fail(ErrorCode::InvalidArgument,
              cat(question.key, " of ", wish.value == 0 ? "0" : shown(wish.value), " (",
                  wish.origin, ") is out of range"),
              question.maximum == ~std::uint64_t{0}
                  ? cat("Ask for at least ", shown(question.minimum), ".")
                  : cat("Ask for ", shown(question.minimum), " to ", shown(question.maximum), "."));
}

}  // namespace

std::string describeLimit(LimitQuestion::Unit unit, std::uint64_t value) {
  if (value == 0) {
    return "none";
  }
  switch (unit) {
    case LimitQuestion::Unit::Percent:
      return cat(value, "%");
    case LimitQuestion::Unit::Count:
      return cat(value);
    case LimitQuestion::Unit::Bytes:
      break;
  }
  constexpr std::array<std::string_view, 5> kUnits = {" B", " KiB", " MiB", " GiB", " TiB"};
  std::size_t unit_index = 0;
  while (value % 1024 == 0 && unit_index + 1 < kUnits.size()) {
    value /= 1024;
    ++unit_index;
  }
  return cat(value, kUnits[unit_index]);
}

Result<LimitAnswer> resolveLimit(const LimitQuestion& question, std::vector<std::string>& notes) {
  LimitAnswer answer{question.profile_value,
                     question.profile_is_ceiling && question.profile_value != 0,
                     question.profile_origin};
  const auto clamp = [&](std::uint64_t most, const std::string& origin) {
    if (question.asked && answer.value > most) {
      notes.push_back(cat("The ", question.key, " of ", describeLimit(question.unit, answer.value),
                          " asked for by ", question.asked->origin, " was lowered to ",
                          describeLimit(question.unit, most), ", the limit of ", origin, "."));
    }
    answer = {most, true, origin};
  };
  if (question.asked) {
    AK_TRY(checkRange(question, *question.asked));
    answer = {question.asked->value, true, question.asked->origin};
    if (question.profile_is_ceiling && question.profile_value != 0 &&
        answer.value > question.profile_value) {
      clamp(question.profile_value, question.profile_origin);
    }
  }
  if (question.ceiling) {
    AK_TRY(checkRange(question, *question.ceiling));
    answer.must_hold = true;
    if (answer.value == 0 || answer.value > question.ceiling->value) {
      clamp(question.ceiling->value, question.ceiling->origin);
    }
  }
  return answer;
}

}  // namespace ak::policy
