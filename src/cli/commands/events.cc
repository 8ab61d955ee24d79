#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/options.h"
#include "cli/sandbox_options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 3> kOptions = {{
    {"sandbox", 's', Takes::Value, "NAME", "Only of this sandbox, by name or UUID"},
    {"label", 'l', Takes::Values, "KEY=VALUE", "Only of sandboxes that carry it; all of several"},
    {"json", 0, Takes::Nothing, "", "An object a line, for programs"},
}};

constexpr std::array<std::string_view, 3> kExamples = {
    "agentkernel events",
    "agentkernel events --sandbox build",
    "agentkernel events --json | jq -r 'select(.event == \"sandbox.deleted\") | .sandbox'",
};

// "12:30:00  sandbox.stopped  build  reason=by request"
std::string lineOf(const json& event) {
  if (const auto lagged = event.find("lagged"); lagged != event.end()) {
    return cat("(", lagged->dump(), " events were missed)");
  }
  std::string text = cat(fieldTime(event, "timestamp"), "  ", fieldText(event, "event"), "  ",
                         fieldText(event, "sandbox"));
  const json metadata = event.value("metadata", json::object());
  for (const auto& [key, value] : metadata.items()) {
    text += cat("  ", key, "=", value.is_string() ? value.get<std::string>() : value.dump());
  }
  return printable(text);
}

Result<int> run(Context& context, const Arguments& arguments) {
  std::string query = "?";
  if (const auto sandbox = arguments.value("sandbox")) {
    query += cat("sandbox=", client::escapeSegment(*sandbox), "&");
  }
  const model::Labels labels = AK_TRY(parseLabels(arguments.values("label")));
  for (const auto& [key, value] : labels) {
    query += cat("label=", client::escapeSegment(cat(key, ":", value)), "&");
  }
  query.pop_back();
  // A line may come in pieces.
  std::string held;
  const auto last = followLog(context, cat("/events", query), [&](std::string_view piece) {
    held += piece;
    for (std::size_t end = held.find('\n'); end != std::string::npos; end = held.find('\n')) {
      const std::string line = held.substr(0, end);
      held.erase(0, end + 1);
      const json event = json::parse(line, nullptr, false);
      context.output().line(arguments.has("json") || !event.is_object() ? line : lineOf(event));
    }
  });
  if (last && !*last) {
    return kNobodyReadsStatus;
  }
  return last ? Result<int>(0) : std::unexpected(last.error());
}

}  // namespace

const CommandSpec kEventsCommand = {
    .name = "events",
    .summary = "Print what happens to sandboxes, as it happens",
    .details =
        "Created, started, stopped, removed, commands that end, and the rest, whoever caused it. "
        "Ends with\nCtrl-C. What happened before is in the audit log: agentkernel audit.",
    .options = kOptions,
    .examples = kExamples,
    .run = run,
};

}  // namespace ak::cli
