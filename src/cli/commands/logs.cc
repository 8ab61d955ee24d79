#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 1> kExamples = {"agentkernel logs build"};

Result<int> run(Context& context, const Arguments& arguments) {
  const json logs = AK_TRY(getApi(context, sandboxPath(arguments.first(), "logs")));
  if (arguments.has("json")) {
    context.output().text(prettyJson(logs));
    return 0;
  }
  std::string text;
  for (const json& entry : logs) {
    text += cat(fieldText(entry, "message"), "\n");
  }
  context.output().lines(text);
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
