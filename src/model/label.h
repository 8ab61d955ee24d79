#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ak::model {

// What the owner says of a sandbox, to find it again. Sorted by key; without effect on the sandbox.
using Labels = std::map<std::string, std::string>;

inline constexpr std::size_t kMaxLabels = 64;

// Keys: 1 to 63 letters, digits, `-`, `_`, `.`; values: 1 to 255 of those and `/`. Keys that begin
// with "agentkernel." are ours: nobody sets them. At most kMaxLabels.
Status validateLabels(const Labels& labels);

// "key=value" (command line) or "key:value" (query of the API); surrounding space does not count.
// Not validated: no label that could exist matches an invalid one, and setting checks by itself.
Result<std::pair<std::string, std::string>> parseLabel(std::string_view text, char separator);

// All of them must be there with exactly these values. Empty: everything matches.
bool matches(const Labels& labels, const std::vector<std::pair<std::string, std::string>>& wanted);

// Free text for people: trimmed, valid UTF-8, no control characters but line breaks and tabs, at
// most 4096 bytes. Empty means none.
Result<std::string> cleanDescription(std::string_view text);

}  // namespace ak::model
