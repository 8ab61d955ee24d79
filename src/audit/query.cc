#include "audit/query.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "audit/chain.h"
#include "audit/lines.h"

namespace ak::audit {

namespace {

using nlohmann::json;

// Times fall from line to line, but for a clock that was set back.
constexpr std::chrono::hours kClockDrift{25};

bool says(const json& event, const char* key, const std::string& value) {
  const auto found = event.find(key);
  return found != event.end() && found->is_string() &&
         found->get_ref<const std::string&>() == value;
}

// Other implementations call it `name` where the event is about the sandbox itself.
bool isOf(const json& event, const std::string& sandbox) {
  return says(event, "sandbox", sandbox) || says(event, "name", sandbox) ||
         says(event, "sandbox_uuid", sandbox);
}

bool isOneOf(const json& event, const std::vector<Kind>& kinds) {
  return kinds.empty() || std::ranges::any_of(kinds, [&](Kind kind) {
           return says(event, "type", std::string(kindInfo(kind).name));
         });
}

std::optional<WallTime> timeOf(const json& event) {
  const auto found = event.find("timestamp");
  return found == event.end() || !found->is_string()
             ? std::nullopt
             : parseTime(found->get_ref<const std::string&>());
}

}  // namespace

Result<Found> findEvents(const std::vector<LogPart>& parts, const Query& query) {
  Found found;
  BackwardLines lines(parts);
  std::size_t bytes = 0;
  while (found.events.size() < std::min(query.last, Query::kMaxLast)) {
    const std::optional<Line> line = AK_TRY(lines.next());
    if (!line) {
      break;
    }
    const bool ours = line->whole && unseal(line->text).has_value();
    // Most lines of a long log are of others; what the JSON of a name is, is the name.
    if (ours && !line->text.contains(query.sandbox)) {
      continue;
    }
    const json event = ours ? json::parse(line->text, nullptr, false) : json();
    if (!event.is_object()) {
      ++found.unreadable;
      continue;
    }
    const std::optional<WallTime> time = timeOf(event);
    if (query.since && time && *time < *query.since) {
      if (*time < *query.since - kClockDrift) {
        break;  // older ones are further back
      }
      continue;
    }
    if (!isOneOf(event, query.kinds) || (!query.sandbox.empty() && !isOf(event, query.sandbox))) {
      continue;
    }
    if (bytes + line->text.size() > kMaxBytes) {
      found.cut = true;
      break;
    }
    bytes += line->text.size();
    found.events.emplace_back(line->text);
  }
  std::ranges::reverse(found.events);
  return found;
}

Result<Found> findEvents(const std::string& path, const Query& query) {
  return findEvents(AK_TRY(openParts(path)), query);
}

}  // namespace ak::audit
