#include "audit/redact.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "audit/scrubber.h"
#include "base/text.h"

namespace ak::audit {

Redactor Redactor::everything() {
  Redactor redactor;
  redactor.everything_ = true;
  return redactor;
}

RedactedCommand Redactor::command(const std::vector<std::string>& argv) const {
  RedactedCommand result;
  Scrubber scrubber(rules_);
  std::size_t room = kMaxCommand;
  for (const std::string& argument : argv) {
    if (room == 0 || result.arguments.size() == kMaxArguments) {
      result.missing_bytes += argument.size();
      continue;
    }
    if (everything_ && !result.arguments.empty()) {
      result.arguments.emplace_back(kMark);
      ++result.redacted;
      continue;
    }
    const std::string_view window = std::string_view(argument).substr(0, kWindow);
    std::string shown = scrubber.argument(window);
    result.missing_bytes += argument.size() - window.size();
    if (const std::size_t most = std::min(room, kMaxArgument); shown.size() > most) {
      result.missing_bytes += shown.size() - most;
      shown.resize(most);
    }
    room -= shown.size();
    result.arguments.push_back(std::move(shown));
  }
  result.redacted += scrubber.redacted();
  return result;
}

std::string Redactor::text(std::string_view text) const {
  if (everything_) {
    return std::string(kMark);
  }
  return Scrubber(rules_).argument(text.substr(0, kWindow));
}

}  // namespace ak::audit
