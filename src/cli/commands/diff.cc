#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/each.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"name-only", 0, Takes::Nothing, "", "List the changed paths only"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 3> kExamples = {
    "agentkernel diff build",
    "agentkernel diff build src/main.c",
    "agentkernel diff --name-only build",
};

std::string withPaths(const Arguments& arguments, std::string_view route) {
  std::string path = sandboxPath(arguments.first(), route);
  for (std::size_t i = 1; i < arguments.positional().size(); ++i) {
    path += cat(i == 1 ? "?" : "&", "path=", client::escapeSegment(arguments.positional()[i]));
  }
  return path;
}

Result<int> showPaths(Context& context, const Arguments& arguments) {
  const json answer = AK_TRY(getApi(context, withPaths(arguments, "changes")));
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
    return 0;
  }
  context.output().changes(AK_TRY(changesIn(answer, "changes")));
  return 0;
}

Result<int> run(Context& context, const Arguments& arguments) {
  if (arguments.has("name-only") || arguments.has("json")) {
    return showPaths(context, arguments);
  }
  const json diff = AK_TRY(getApi(context, withPaths(arguments, "diff")));
  const std::string text = fieldText(diff, "diff");
  if (text.empty()) {
    context.output().hint("nothing changed");
  }
  context.output().diff(text);
  return 0;
}

}  // namespace

const CommandSpec kDiffCommand = {
    .name = "diff",
    .arguments = "NAME [PATH...]",
    .summary = "Show what a sandbox changed in its copy of the working directory",
    .options = kOptions,
    .examples = kExamples,
    .least = 1,
    .most = kMostNames,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
