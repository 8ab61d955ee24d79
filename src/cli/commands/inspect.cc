#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel inspect build",
    "agentkernel inspect --json build",
};

Result<int> run(Context& context, const Arguments& arguments) {
  // Programs get the whole record, in the shape that others keep theirs in.
  if (arguments.has("json")) {
    context.output().text(
        prettyJson(AK_TRY(getApi(context, sandboxPath(arguments.first(), "state")))));
    return 0;
  }
  json sandbox = AK_TRY(getApi(context, sandboxPath(arguments.first())));
  if (const std::vector<std::string> ports = portTexts(sandbox); !ports.empty()) {
    sandbox["ports"] = ports;
  }
  context.output().text(fieldLines(sandbox));
  return 0;
}

}  // namespace

const CommandSpec kInspectCommand = {
    .name = "inspect",
    .arguments = "NAME",
    .summary = "Show all about a sandbox and what is in force",
    .options = kJsonOnly,
    .examples = kExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
