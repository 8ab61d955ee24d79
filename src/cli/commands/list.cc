#include <nlohmann/json.hpp>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel list",
    "agentkernel list --json",
};

Result<int> run(Context& context, const Arguments& arguments) {
  const json list = AK_TRY(getApi(context, "/sandboxes"));
  if (arguments.has("json")) {
    context.output().text(prettyJson(list));
    return 0;
  }
  Output::Table table{.head = {"NAME", "STATUS", "IMAGE", "BACKEND", "CREATED"}};
  for (const json& item : list) {
    table.rows.push_back({fieldText(item, "name"), fieldText(item, "status"),
                          fieldText(item, "image"), fieldText(item, "backend"),
                          fieldText(item, "created_at")});
  }
  context.output().table(table);
  return 0;
}

}  // namespace

const CommandSpec kListCommand = {
    .name = "list",
    .summary = "List sandboxes",
    .options = kJsonOnly,
    .examples = kExamples,
    .run = run,
};

}  // namespace ak::cli
