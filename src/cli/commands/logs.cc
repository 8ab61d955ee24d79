#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/options.h"
#include "model/run_request_json.h"

namespace ak::cli {

namespace {

using model::StreamKind;
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

Error daemonGone() {
  return Error::make(ErrorCode::Unavailable, "the daemon went away",
                     "Follow it again; the daemon starts by itself.");
}

json parsed(const std::string& text) {
  return json::parse(text, nullptr, false);
}

Result<int> follow(Context& context, const Arguments& arguments) {
  client::Client client = AK_TRY(context.connect());
  const client::Request request{.path =
                                    cat(sandboxPath(arguments.first(), "logs"), "?follow=true")};
  client::Client::Upgraded upgraded = AK_TRY(std::move(client).upgrade(request));
  context.checkVersion(upgraded.daemon_version);
  LogPrinter printer(context.output(),
                     arguments.has("json") ? LogPrinter::Form::Json : LogPrinter::Form::Text);
  model::StreamFrame frame;
  for (;;) {
    while (AK_TRY(upgraded.stream.next(frame))) {
      if (frame.kind == StreamKind::Stdout) {
        printer.add(frame.payload);
        continue;
      }
      printer.end();
      if (frame.kind == StreamKind::Exit) {
        context.output().hint(cat("it has ended: ", fieldText(parsed(frame.payload), "reason")));
        return 0;
      }
      return std::unexpected(model::errorFromJson(parsed(frame.payload)));
    }
    if (upgraded.stream.ended()) {
      printer.end();
      return std::unexpected(daemonGone());
    }
    if (AK_TRY(waitToFollow(upgraded.stream.fd())) == Woken::NobodyReads) {
      return kNobodyReadsStatus;
    }
    AK_TRY(upgraded.stream.fill());
  }
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
