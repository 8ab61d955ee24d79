#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "client/client.h"
#include "model/label.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"label", 'l', Takes::Values, "KEY=VALUE", "Only sandboxes that carry it; all of several"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 3> kExamples = {
    "agentkernel list",
    "agentkernel list --label team=web",
    "agentkernel list --json",
};

Result<std::string> listPath(const Arguments& arguments) {
  std::string path = "/sandboxes";
  for (const std::string& word : arguments.values("label")) {
    const auto [key, value] = AK_TRY(model::parseLabel(word, '='));
    path += cat(path.find('?') == std::string::npos ? "?" : "&",
                "label=", client::escapeSegment(cat(key, ":", value)));
  }
  return path;
}

Result<int> run(Context& context, const Arguments& arguments) {
  const std::string path = AK_TRY(listPath(arguments));
  const json list = AK_TRY(getApi(context, path));
  if (arguments.has("json")) {
    context.output().text(prettyJson(list));
    return 0;
  }
  Output::Table table{.head = {"NAME", "STATUS", "IMAGE", "BACKEND", "PORTS", "CREATED"}};
  for (const json& item : list) {
    table.rows.push_back({fieldText(item, "name"), fieldText(item, "status"),
                          fieldText(item, "image"), fieldText(item, "backend"),
                          join(portTexts(item), ","), fieldTime(item, "created_at")});
  }
  context.output().table(table);
  return 0;
}

}  // namespace

const CommandSpec kListCommand = {
    .name = "list",
    .summary = "List sandboxes",
    .options = kOptions,
    .examples = kExamples,
    .run = run,
};

}  // namespace ak::cli
