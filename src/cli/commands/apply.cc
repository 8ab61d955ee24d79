#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/each.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"force", 0, Takes::Nothing, "", "Take protected paths too, such as .git/hooks"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel apply build",
    "agentkernel apply build src/main.c docs",
};

Result<int> run(Context& context, const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.positional();
  const json body = {{"paths", std::vector<std::string>(words.begin() + 1, words.end())},
                     {"force", arguments.has("force")}};
  const json answer =
      AK_TRY(callApi(context, "POST", sandboxPath(arguments.first(), "apply"), body));
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
    return 0;
  }
  const std::vector<model::Change> changes = AK_TRY(changesIn(answer, "applied"));
  context.output().changes(changes);
  context.output().hint(cat("took ", changes.size(), changes.size() == 1 ? " change" : " changes"));
  return 0;
}

}  // namespace

const CommandSpec kApplyCommand = {
    .name = "apply",
    .arguments = "NAME [PATH...]",
    .summary = "Take what a sandbox changed into the working directory",
    .details =
        "All of it, or the named paths and what is below them. Paths that this machine later runs\n"
        "or trusts (.git/hooks, .envrc and such) are refused unless --force says otherwise.",
    .options = kOptions,
    .examples = kExamples,
    .least = 1,
    .most = kMostNames,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
