#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/sandbox_options.h"
#include "model/label.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 7> kOptions = {{
    {"label", 'l', Takes::Values, "KEY=VALUE", "Set a label"},
    {"remove-label", 0, Takes::Values, "KEY", "Take a label away"},
    {"description", 0, Takes::Value, "TEXT", "What it is for; an empty text takes it away"},
    {"auto-stop", 0, Takes::Value, "TIME", "Stop it when it was not used for so long, or never"},
    {"auto-archive", 0, Takes::Value, "TIME", "Then put it aside, or never"},
    {"auto-delete", 0, Takes::Value, "TIME", "Remove it so long after that, or never"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 3> kExamples = {
    "agentkernel update build --label team=web --description 'nightly build'",
    "agentkernel update build --auto-stop 30m --auto-archive 7d",
    "agentkernel update build --auto-archive never --remove-label team",
};

Result<json> makeBody(const Arguments& arguments) {
  json body = json::object();
  if (const auto words = arguments.values("label"); !words.empty()) {
    body["set_labels"] = AK_TRY(parseLabels(words));
  }
  if (const auto keys = arguments.values("remove-label"); !keys.empty()) {
    body["remove_labels"] = keys;
  }
  if (const auto text = arguments.value("description")) {
    body["description"] = AK_TRY(model::cleanDescription(*text));
  }
  constexpr std::pair<const char*, const char*> kThresholds[] = {
      {"auto-stop", "auto_stop_after_seconds"},
      {"auto-archive", "auto_archive_after_seconds"},
      {"auto-delete", "auto_delete_after_seconds"}};
  for (const auto& [option, key] : kThresholds) {
    if (const auto word = arguments.value(option)) {
      body["set_lifecycle"][key] =
          *word == "never" ? json() : json(AK_TRY(parseSeconds(cat("--", option), *word)));
    }
  }
  if (body.empty()) {
    return fail(ErrorCode::InvalidArgument, "update: nothing to change is given",
                "See: agentkernel update --help");
  }
  return body;
}

Result<int> run(Context& context, const Arguments& arguments) {
  const json body = AK_TRY(makeBody(arguments));
  const json sandbox = AK_TRY(callApi(context, "PATCH", sandboxPath(arguments.first()), body));
  if (arguments.has("json")) {
    context.output().text(prettyJson(sandbox));
  } else {
    context.output().line(printable(arguments.first()));
  }
  return 0;
}

}  // namespace

const CommandSpec kUpdateCommand = {
    .name = "update",
    .arguments = "NAME",
    .summary = "Change a sandbox's labels, description and what time does to it",
    .details =
        "A sandbox is used while a command runs in it, also a detached one, and while files are\n"
        "copied. Looking at it is no use, and neither is what an ended command left behind.",
    .options = kOptions,
    .examples = kExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
