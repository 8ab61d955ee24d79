#include "audit/query.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "audit/chain.h"
#include "audit/lines.h"

namespace ak::audit {

namespace {

using nlohmann::json;

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

// Each line of ours begins with it: most of a long log is passed over without being parsed. That
// one line is old says nothing of those before it, since a clock can have been wrong for a while.
std::optional<WallTime> timeOf(std::string_view line) {
  constexpr std::string_view kBegin = "{\"timestamp\":\"";
  if (!line.starts_with(kBegin)) {
    return std::nullopt;
  }
  line.remove_prefix(kBegin.size());
  return parseTime(line.substr(0, line.find('"')));
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
    if (ours && query.since) {
      if (const auto time = timeOf(line->text); time && *time < *query.since) {
        continue;
      }
    }
    const json event = ours ? json::parse(line->text, nullptr, false) : json();
    if (!event.is_object()) {
      ++found.unreadable;
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
