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

// "limits.memory.by: cgroup-v2": one line for each scalar, sorted by key. An entry of a list goes
// by its name where it has one, else by its number.
void addLines(const json& value, const std::string& path, std::string& text) {
  if (value.is_structured() && !value.empty()) {
    for (const auto& [key, item] : value.items()) {
      json entry = item;
      const std::string name = value.is_array() ? fieldText(item, "name") : std::string();
      if (!name.empty()) {
        entry.erase("name");
      }
      const std::string& last = name.empty() ? key : name;
      addLines(entry, path.empty() ? last : cat(path, ".", last), text);
    }
    return;
  }
  const std::string shown = value.is_string()
                                ? value.get<std::string>()
                                : value.dump(-1, ' ', false, json::error_handler_t::replace);
  text += cat(printable(path), ": ", printable(shown), "\n");
}

Result<int> run(Context& context, const Arguments& arguments) {
  // Programs get the whole record, in the shape that others keep theirs in.
  if (arguments.has("json")) {
    context.output().text(
        prettyJson(AK_TRY(getApi(context, sandboxPath(arguments.first(), "state")))));
    return 0;
  }
  const json sandbox = AK_TRY(getApi(context, sandboxPath(arguments.first())));
  std::string text;
  addLines(sandbox, "", text);
  context.output().text(text);
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
