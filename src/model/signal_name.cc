#include "model/signal_name.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "base/text.h"

namespace ak::model {

namespace {

// signal(7), by number, as x86-64 and ARM have them.
constexpr std::array<std::string_view, 31> kNames = {
    "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1", "SEGV",
    "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN", "TTOU",
    "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS"};
constexpr int kMostSignal = 64;

}  // namespace

Result<int> parseSignal(std::string_view word) {
  if (const auto number = parseNumber<int>(word);
      number && *number >= 1 && *number <= kMostSignal) {
    return *number;
  }
  std::string name(word);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  const std::string_view bare =
      name.starts_with("SIG") ? std::string_view(name).substr(3) : std::string_view(name);
  const auto* found = std::ranges::find(kNames, bare);
  if (found != kNames.end()) {
    return static_cast<int>(found - kNames.begin()) + 1;
  }
  const std::vector<std::string_view> known(kNames.begin(), kNames.end());
  const std::string_view nearest = nearestWord(bare, known);
  return fail(ErrorCode::InvalidArgument, cat("'", printable(word), "' is no signal"),
              nearest.empty() ? std::string("Give a name such as TERM, or a number from 1 to 64.")
                              : cat("Did you mean '", nearest, "'?"));
}

}  // namespace ak::model
