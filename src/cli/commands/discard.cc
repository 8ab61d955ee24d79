#include <nlohmann/json.hpp>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/each.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel discard build",
    "agentkernel discard build dist",
};

Result<int> run(Context& context, const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.positional();
  const json body = {{"paths", std::vector<std::string>(words.begin() + 1, words.end())}};
  const json answer =
      AK_TRY(callApi(context, "POST", sandboxPath(arguments.first(), "discard"), body));
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
  }
  return 0;
}

}  // namespace

const CommandSpec kDiscardCommand = {
    .name = "discard",
    .arguments = "NAME [PATH...]",
    .summary = "Drop what a sandbox changed, all or the named paths",
    .options = kJsonOnly,
    .examples = kExamples,
    .least = 1,
    .most = kMostNames,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
