#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/project.h"
#include "client/client.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"origin", 0, Takes::Nothing, "", "Say where each value comes from"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel config show --origin",
    "agentkernel config show ~/src/project",
};

Result<int> run(Context& context, const Arguments& arguments) {
  const bool origin = arguments.has("origin");
  const std::string path = AK_TRY(directoryOf(arguments));
  const json config = AK_TRY(getApi(context, cat("/config?directory=", client::escapeSegment(path),
                                                 origin ? "&origin=true" : "")));
  if (arguments.has("json")) {
    context.output().text(prettyJson(config));
    return 0;
  }
  Output::Table table{.head = {"KEY", "VALUE"}};
  if (origin) {
    table.head.push_back("ORIGIN");
  }
  for (const json& entry : config) {
    table.rows.push_back(
        {fieldText(entry, "key"), fieldText(entry, "value"), fieldText(entry, "origin")});
  }
  context.output().table(table);
  return 0;
}

}  // namespace

const CommandSpec kConfigShowCommand = {
    .name = "config show",
    .arguments = "[DIRECTORY]",
    .summary = "Show the settings in force for a project",
    .details =
        "Joins your configuration with the agentkernel.toml of the directory (this one without a\n"
        "name), as run would. Flags of run stand above all of it.",
    .options = kOptions,
    .examples = kExamples,
    .most = 1,
    .completes = Completes::Files,
    .run = run,
};

}  // namespace ak::cli
