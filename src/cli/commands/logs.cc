#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 1> kExamples = {"agentkernel logs build"};

std::string toText(const json& entry) {
  return entry.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<int> run(Context& context, const Arguments& arguments) {
  const json logs = AK_TRY(getApi(context, sandboxPath(arguments.first(), "logs")));
  if (arguments.has("json")) {
    context.output().text(prettyJson(logs));
    return 0;
  }
  for (const json& entry : logs) {
    // Entries with a message are lines that were printed; the others are events.
    const std::string message = fieldText(entry, "message");
    context.output().line(printable(message.empty() ? toText(entry) : message));
  }
  return 0;
}

}  // namespace

const CommandSpec kLogsCommand = {
    .name = "logs",
    .arguments = "NAME",
    .summary = "Show what a detached or kept sandbox has printed",
    .options = kJsonOnly,
    .examples = kExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
