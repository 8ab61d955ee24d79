#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"follow", 'f', Takes::Nothing, "", "Go on with what it prints until it ends"},
    {"json", 0, Takes::Nothing, "", "Print JSON, for programs; with --follow an object a line"},
}};

constexpr std::array<std::string_view, 3> kExamples = {
    "agentkernel logs build",
    "agentkernel logs --follow build",
    "agentkernel logs --follow --json build | jq -r .message",
};

Result<int> follow(Context& context, const Arguments& arguments) {
  LogPrinter printer(context.output(),
                     arguments.has("json") ? LogPrinter::Form::Json : LogPrinter::Form::Text);
  const auto last = followLog(context, cat(sandboxPath(arguments.first(), "logs"), "?follow=true"),
                              [&](std::string_view piece) { printer.add(piece); });
  if (last && !*last) {
    return kNobodyReadsStatus;
  }
  printer.end();
  if (!last) {
    return std::unexpected(last.error());
  }
  context.output().hint(cat("it has ended: ", fieldText(**last, "reason")));
  return 0;
}

Result<int> run(Context& context, const Arguments& arguments) {
  if (arguments.has("follow")) {
    return follow(context, arguments);
  }
  const json logs = AK_TRY(getApi(context, sandboxPath(arguments.first(), "logs")));
  if (arguments.has("json")) {
    context.output().text(prettyJson(logs));
    return 0;
  }
  std::string text;
  for (const json& entry : logs) {
    text += cat(fieldText(entry, "message"), "\n");
  }
  context.output().lines(text);
  return 0;
}

}  // namespace

const CommandSpec kLogsCommand = {
    .name = "logs",
    .arguments = "NAME",
    .summary = "Show what a detached or kept sandbox has printed",
    .details =
        "The last 8 to 16 MiB of the command that it was made for; control characters are shown "
        "as\n"
        "\\xNN. --follow ends when the sandbox stops or is removed, or with Ctrl-C, which ends "
        "only\nthe following.",
    .options = kOptions,
    .examples = kExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
