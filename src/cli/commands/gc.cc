#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/each.h"
#include "cli/options.h"
#include "cli/sandbox_options.h"

// What the daemon does by itself when its time has come, on demand.
namespace ak::cli {

namespace {

using nlohmann::json;

constexpr OptionSpec kDryRunOption = {.name = "dry-run",
                                      .help = "Say what would be done, and do nothing"};

constexpr std::array<OptionSpec, 3> kGcOptions = {{
    kDryRunOption,
    {"label", 'l', Takes::Values, "KEY=VALUE", "Only sandboxes that carry it; all of several"},
    kJsonOption,
}};

constexpr std::array<OptionSpec, 2> kReconcileOptions = {kDryRunOption, kJsonOption};

constexpr std::array<std::string_view, 2> kGcExamples = {
    "agentkernel gc --dry-run",
    "agentkernel gc --label team=web",
};

constexpr std::array<std::string_view, 1> kReconcileExamples = {
    "agentkernel lifecycle reconcile --dry-run",
};

Result<int> gc(Context& context, const Arguments& arguments) {
  const json body = {{"dry_run", arguments.has("dry-run")},
                     {"labels", AK_TRY(parseLabels(arguments.values("label")))}};
  const json answer = AK_TRY(callApi(context, "POST", "/gc", body));
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
    return tellFailures(context, arguments, answer);
  }
  const json& removed = AK_TRY(listIn(answer, "removed"));
  for (const json& name : removed) {
    context.output().line(printable(name.get<std::string>()));
  }
  return tellFailures(context, arguments, answer);
}

Result<int> reconcile(Context& context, const Arguments& arguments) {
  const json body = {{"dry_run", arguments.has("dry-run")}};
  const json answer = AK_TRY(callApi(context, "POST", "/lifecycle/reconcile", body));
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
    return tellFailures(context, arguments, answer);
  }
  Output::Table table{.head = {"SANDBOX", "ACTION", "REASON"}};
  const json& actions = AK_TRY(listIn(answer, "actions"));
  for (const json& item : actions) {
    table.rows.push_back(
        {fieldText(item, "sandbox"), fieldText(item, "action"), fieldText(item, "reason")});
  }
  context.output().table(table);
  return tellFailures(context, arguments, answer);
}

}  // namespace

const CommandSpec kGcCommand = {
    .name = "gc",
    .summary = "Remove sandboxes whose time to live is over, and print their names",
    .details = "The daemon does this by itself, a minute after a sandbox's end.",
    .options = kGcOptions,
    .examples = kGcExamples,
    .run = gc,
};

const CommandSpec kReconcileCommand = {
    .name = "lifecycle reconcile",
    .summary = "Stop, archive and remove sandboxes as their lifecycle policies say",
    .details =
        "The daemon does this by itself when a threshold is reached; policies are set with\n"
        "agentkernel update --auto-stop, --auto-archive and --auto-delete.",
    .options = kReconcileOptions,
    .examples = kReconcileExamples,
    .run = reconcile,
};

}  // namespace ak::cli
