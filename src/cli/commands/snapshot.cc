#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/each.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kTakeOptions = {{
    {"name", 'n', Takes::Value, "NAME", "What it is to be called (SANDBOX-YYYYMMDD)"},
    kJsonOption,
}};

constexpr std::array<OptionSpec, 3> kRestoreOptions = {{
    {"as", 0, Takes::Value, "NAME", "What the sandbox is to be called (SANDBOX-restored)"},
    {"start", 0, Takes::Nothing, "", "Start it"},
    kJsonOption,
}};

constexpr std::array<OptionSpec, 3> kForkOptions = {{
    {"as", 0, Takes::Value, "NAME", "Another way to name the child"},
    {"start", 0, Takes::Nothing, "", "Start it"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 2> kTakeExamples = {
    "agentkernel snapshot take build",
    "agentkernel snapshot take build --name before-upgrade",
};
constexpr std::array<std::string_view, 1> kListExamples = {"agentkernel snapshot list"};
constexpr std::array<std::string_view, 1> kRemoveExamples = {
    "agentkernel snapshot rm before-upgrade"};
constexpr std::array<std::string_view, 2> kRestoreExamples = {
    "agentkernel snapshot restore before-upgrade",
    "agentkernel snapshot restore before-upgrade --as again --start",
};
constexpr std::array<std::string_view, 2> kForkExamples = {
    "agentkernel fork build try-1",
    "agentkernel fork --start build try-2 && agentkernel exec try-2 make",
};

std::string snapshotPath(std::string_view name, std::string_view action = {}) {
  return cat("/snapshots/", client::escapeSegment(name), action.empty() ? "" : "/", action);
}

// What was made, and what it cost a sandbox that runs.
int show(Context& context, const Arguments& arguments, const json& answer) {
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
    return 0;
  }
  const auto sandbox = answer.find("sandbox");
  const bool nested = sandbox != answer.end() && sandbox->is_object();
  context.output().line(printable(fieldText(nested ? *sandbox : answer, "name")));
  if (answer.contains("pause_ms")) {
    context.output().hint(cat("paused for ", fieldText(answer, "pause_ms"), " ms"));
  }
  return 0;
}

Result<int> take(Context& context, const Arguments& arguments) {
  json body = {{"sandbox", arguments.first()}};
  if (const auto name = arguments.value("name")) {
    body["name"] = *name;
  }
  return show(context, arguments, AK_TRY(callApi(context, "POST", "/snapshots", body)));
}

Result<int> list(Context& context, const Arguments& arguments) {
  const json snapshots = AK_TRY(getApi(context, "/snapshots"));
  if (arguments.has("json")) {
    context.output().text(prettyJson(snapshots));
    return 0;
  }
  Output::Table table{.head = {"NAME", "SANDBOX", "IMAGE", "BACKEND", "CREATED"}};
  for (const json& item : snapshots) {
    table.rows.push_back({fieldText(item, "name"), fieldText(item, "sandbox"),
                          fieldText(item, "base_image"), fieldText(item, "backend"),
                          fieldTime(item, "created_at")});
  }
  context.output().table(table);
  return 0;
}

Result<int> remove(Context& context, const Arguments& arguments) {
  return forEachName(context, arguments, [&](const std::string& name) {
    return callApi(context, "DELETE", snapshotPath(name), nullptr);
  });
}

Result<int> restore(Context& context, const Arguments& arguments) {
  json body = {{"start", arguments.has("start")}};
  if (const auto name = arguments.value("as")) {
    body["as_name"] = *name;
  }
  return show(context, arguments,
              AK_TRY(callApi(context, "POST", snapshotPath(arguments.first(), "restore"), body)));
}

Result<int> makeFork(Context& context, const Arguments& arguments) {
  const auto& words = arguments.positional();
  const auto as = arguments.value("as");
  if (as.has_value() == (words.size() == 2)) {
    return fail(ErrorCode::InvalidArgument, "what is the child to be called?",
                "Give one name: agentkernel fork SANDBOX CHILD");
  }
  const json body = {{"as_name", as ? *as : words[1]}, {"start", arguments.has("start")}};
  return show(context, arguments,
              AK_TRY(callApi(context, "POST", sandboxPath(arguments.first(), "fork"), body)));
}

}  // namespace

const CommandSpec kSnapshotTakeCommand = {
    .name = "snapshot take",
    .arguments = "SANDBOX",
    .summary = "Keep what a sandbox is now, to make sandboxes from it later",
    .details =
        "Files, image, permissions, environment and labels; not processes, and of a project "
        "that is\nmounted copy-on-write what the sandbox wrote. Nothing of a stopped sandbox is "
        "copied. A running\none is frozen while what it wrote is copied, and the pause is told.",
    .options = kTakeOptions,
    .examples = kTakeExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Sandboxes,
    .run = take,
};

const CommandSpec kSnapshotListCommand = {
    .name = "snapshot list",
    .summary = "List snapshots",
    .options = kJsonOnly,
    .examples = kListExamples,
    .run = list,
};

const CommandSpec kSnapshotRemoveCommand = {
    .name = "snapshot rm",
    .arguments = "NAME...",
    .summary = "Remove snapshots; sandboxes made from them stay",
    .options = kJsonOnly,
    .examples = kRemoveExamples,
    .least = 1,
    .most = kMostNames,
    .run = remove,
};

const CommandSpec kSnapshotRestoreCommand = {
    .name = "snapshot restore",
    .arguments = "NAME",
    .summary = "Make a stopped sandbox from a snapshot",
    .details =
        "It has what the snapshot has, and a lifetime of its own: no time to live, no lifecycle "
        "policy.",
    .options = kRestoreOptions,
    .examples = kRestoreExamples,
    .least = 1,
    .most = 1,
    .run = restore,
};

const CommandSpec kForkCommand = {
    .name = "fork",
    .arguments = "SANDBOX CHILD",
    .summary = "Make a stopped sandbox from what another one is now",
    .details =
        "Both go on from there, each with changes of its own. Forking a stopped sandbox takes the "
        "same\ntime however much it holds; a running one is frozen while what it wrote is copied. "
        "The child\nhas no time to live and no lifecycle policy.",
    .options = kForkOptions,
    .examples = kForkExamples,
    .least = 1,
    .most = 2,
    .completes = Completes::Sandboxes,
    .run = makeFork,
};

}  // namespace ak::cli
