#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"origin", 0, Takes::Nothing, "", "Say where each value comes from"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 1> kExamples = {"agentkernel config show --origin"};

Result<int> run(Context& context, const Arguments& arguments) {
  const bool origin = arguments.has("origin");
  const json config = AK_TRY(getApi(context, origin ? "/config?origin=true" : "/config"));
  if (arguments.has("json") || (!config.is_array() && !config.is_string())) {
    context.output().text(prettyJson(config));
    return 0;
  }
  if (config.is_string()) {
    context.output().lines(config.get<std::string>());
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
    .summary = "Show the configuration in force",
    .options = kOptions,
    .examples = kExamples,
    .run = run,
};

}  // namespace ak::cli
