#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/each.h"
#include "cli/options.h"
#include "cli/sandbox_options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 6> kOptions = {{
    {"force", 'f', Takes::Nothing, "", "Running ones too"},
    {"all", 0, Takes::Nothing, "", "Images that no sandbox uses too"},
    {"label", 'l', Takes::Values, "KEY=VALUE", "Only sandboxes that carry it; all of several"},
    {.name = "dry-run", .help = "Say what would be removed, and remove nothing"},
    {"yes", 'y', Takes::Nothing, "", "Do not ask"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 3> kExamples = {
    "agentkernel prune --dry-run",
    "agentkernel prune --yes --label team=web",
    "agentkernel prune --force --all",
};

// What they wrote is gone with them, so a person is asked, and a script must say that it means it.
Result<bool> meant(Context& context, const json& names) {
  for (const json& name : names) {
    context.output().note(name.is_string() ? name.get<std::string>() : std::string());
  }
  const std::string what = cat(names.size(), names.size() == 1 ? " sandbox" : " sandboxes",
                               " with all that was written");
  const auto answer = context.output().ask(cat("Remove ", what, "?"));
  if (!answer) {
    return fail(ErrorCode::InvalidArgument, cat("would remove ", what),
                "Say --yes to remove them, or --dry-run to see their names.");
  }
  return *answer;
}

Result<json> pruneSandboxes(Context& context, const Arguments& arguments, bool dry_run) {
  const json body = {{"dry_run", dry_run},
                     {"running", arguments.has("force")},
                     {"labels", AK_TRY(parseLabels(arguments.values("label")))}};
  return callApi(context, "POST", "/prune", body);
}

Result<int> run(Context& context, const Arguments& arguments) {
  const bool dry_run = arguments.has("dry-run");
  if (!dry_run && !arguments.has("yes")) {
    const json would = AK_TRY(pruneSandboxes(context, arguments, true));
    const json& names = AK_TRY(listIn(would, "removed"));
    if (!names.empty() && !AK_TRY(meant(context, names))) {
      return 1;
    }
  }
  json answer = AK_TRY(pruneSandboxes(context, arguments, dry_run));
  if (arguments.has("all") && !dry_run) {
    answer["images"] = AK_TRY(callApi(context, "POST", "/images/prune", json::object()));
  }
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
    return tellFailures(context, arguments, answer);
  }
  const json& removed = AK_TRY(listIn(answer, "removed"));
  for (const json& name : removed) {
    context.output().line(printable(name.is_string() ? name.get<std::string>() : ""));
  }
  if (const auto images = answer.find("images"); images != answer.end()) {
    context.output().hint(cat("freed ", fieldSize(*images, "freed_bytes"), " of images"));
  }
  return tellFailures(context, arguments, answer);
}

}  // namespace

const CommandSpec kPruneCommand = {
    .name = "prune",
    .summary = "Remove stopped sandboxes and what they wrote",
    .details =
        "Archived and dormant ones stay, and those that nobody can ask whether they run. Asks "
        "before it\nremoves anything, where there is somebody to ask.",
    .options = kOptions,
    .examples = kExamples,
    .run = run,
};

}  // namespace ak::cli
