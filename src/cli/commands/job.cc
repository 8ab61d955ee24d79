#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/options.h"
#include "cli/values.h"
#include "model/base64.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 4> kLogsOptions = {{
    {"stderr", 0, Takes::Nothing, "", "Standard error instead of standard output"},
    {"offset", 0, Takes::Value, "BYTES",
     "Leave out so much of what it has printed since its start"},
    {"follow", 'f', Takes::Nothing, "", "Go on with what it prints until it ends"},
    {"json", 0, Takes::Nothing, "", "Print JSON, for programs; with --follow an object a line"},
}};

constexpr std::array<OptionSpec, 2> kKillOptions = {{
    {"grace", 0, Takes::Value, "TIME", "From SIGTERM to SIGKILL, such as 10s (2s)"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 1> kListExamples = {"agentkernel job list build"};
constexpr std::array<std::string_view, 2> kStatusExamples = {
    "agentkernel job status build 1f2e3d4c",
    "agentkernel job status --json build 1f2e3d4c | jq .exit_code",
};
constexpr std::array<std::string_view, 3> kLogsExamples = {
    "agentkernel job logs build 1f2e3d4c",
    "agentkernel job logs --follow --stderr build 1f2e3d4c",
    "agentkernel job logs build 1f2e3d4c > output",
};
constexpr std::array<std::string_view, 1> kSignalExamples = {
    "agentkernel job signal build 1f2e3d4c HUP"};
constexpr std::array<std::string_view, 2> kKillExamples = {
    "agentkernel job kill build 1f2e3d4c",
    "agentkernel job kill --grace 30s build 1f2e3d4c",
};

std::string jobPath(const Arguments& arguments, std::string_view action = {}) {
  const std::string path = cat("exec/detached/", client::escapeSegment(arguments.positional()[1]),
                               action.empty() ? "" : "/", action);
  return sandboxPath(arguments.first(), path);
}

// The command as a shell would be given it, near enough for people.
std::string commandText(const json& job) {
  std::string text;
  const auto command = job.find("command");
  if (command == job.end() || !command->is_array()) {
    return text;
  }
  for (const json& word : *command) {
    if (word.is_string()) {
      text += cat(text.empty() ? "" : " ", word.get_ref<const std::string&>());
    }
  }
  return text;
}

Result<int> list(Context& context, const Arguments& arguments) {
  const json jobs = AK_TRY(getApi(context, sandboxPath(arguments.first(), "exec/detached")));
  if (arguments.has("json")) {
    context.output().text(prettyJson(jobs));
    return 0;
  }
  Output::Table table{.head = {"ID", "STATUS", "EXIT", "TERMINAL", "STARTED", "COMMAND"}};
  for (const json& job : jobs) {
    table.rows.push_back({fieldText(job, "id"), fieldText(job, "status"),
                          fieldText(job, "exit_code"),
                          fieldText(job, "terminal") == "true" ? "yes" : "",
                          fieldTime(job, "started_at"), commandText(job)});
  }
  context.output().table(table);
  return 0;
}

Result<int> status(Context& context, const Arguments& arguments) {
  const json job = AK_TRY(getApi(context, jobPath(arguments)));
  if (arguments.has("json")) {
    context.output().text(prettyJson(job));
    return 0;
  }
  Output::Table table{.head = {"FIELD", "VALUE"}};
  for (const char* key : {"id", "sandbox", "status", "exit_code", "signal", "reason", "pid",
                          "started_at", "ended_at", "stdout_bytes", "stderr_bytes"}) {
    if (const std::string text = fieldText(job, key); !text.empty()) {
      table.rows.push_back({key, text});
    }
  }
  table.rows.push_back({"command", commandText(job)});
  context.output().table(table);
  return 0;
}

// A terminal must not be driven by what a guest prints; a file or a program gets every byte.
bool toTerminal() {
  return ::isatty(STDOUT_FILENO) == 1;
}

Result<int> follow(Context& context, const Arguments& arguments, std::string path) {
  const bool as_json = arguments.has("json");
  LogPrinter printer(context.output(), as_json ? LogPrinter::Form::Json : LogPrinter::Form::Text);
  const bool exact = !as_json && !toTerminal();
  const auto last = followLog(context, std::move(path), [&](std::string_view piece) {
    if (exact) {
      context.output().text(piece);
    } else {
      printer.add(piece);
    }
  });
  if (last && !*last) {
    return kNobodyReadsStatus;
  }
  printer.end();
  if (!last) {
    return std::unexpected(last.error());
  }
  const std::string code = fieldText(**last, "exit_code");
  context.output().hint(cat("it has ended: ", fieldText(**last, "status"),
                            code.empty() ? "" : cat(", exit code ", code)));
  return 0;
}

// The exact bytes of what the daemon has put into JSON.
std::string bytesOf(const json& log, const std::string& key) {
  const std::string encoded = fieldText(log, key + "_base64");
  if (!encoded.empty()) {
    if (auto bytes = model::fromBase64(encoded)) {
      return *std::move(bytes);
    }
  }
  return fieldText(log, key);
}

Result<int> logs(Context& context, const Arguments& arguments) {
  const std::string stream = arguments.has("stderr") ? "stderr" : "stdout";
  std::string path = cat(jobPath(arguments, "logs"), "?stream=", stream);
  if (const auto offset = arguments.value("offset")) {
    path += cat("&offset=", client::escapeSegment(*offset));
  }
  if (arguments.has("follow")) {
    return follow(context, arguments, cat(path, "&follow=true"));
  }
  const json log = AK_TRY(getApi(context, std::move(path)));
  if (arguments.has("json")) {
    context.output().text(prettyJson(log));
  } else if (toTerminal()) {
    context.output().lines(bytesOf(log, stream));
  } else {
    context.output().text(bytesOf(log, stream));
  }
  return 0;
}

Result<int> signal(Context& context, const Arguments& arguments) {
  const json body = {{"signal", arguments.positional()[2]}};
  const json job = AK_TRY(callApi(context, "POST", jobPath(arguments, "signal"), body));
  if (arguments.has("json")) {
    context.output().text(prettyJson(job));
  } else {
    context.output().line(printable(fieldText(job, "id")));
  }
  return 0;
}

Result<int> kill(Context& context, const Arguments& arguments) {
  std::string path = jobPath(arguments);
  if (const auto word = arguments.value("grace")) {
    path += cat("?grace_ms=", AK_TRY(parseTimeout(*word)).count());
  }
  AK_TRY(callApi(context, "DELETE", std::move(path), nullptr));
  if (!arguments.has("json")) {
    context.output().line(printable(arguments.positional()[1]));
    return 0;
  }
  context.output().text(prettyJson(AK_TRY(getApi(context, jobPath(arguments)))));
  return 0;
}

}  // namespace

const CommandSpec kJobListCommand = {
    .name = "job list",
    .arguments = "NAME",
    .summary = "List the detached commands of a sandbox",
    .details =
        "Those that run and those that have ended, oldest first, also when the sandbox is stopped. "
        "A\nsandbox has at most 64; a new one takes the place of the oldest that has ended. Those "
        "with a\nterminal are sessions: agentkernel attach NAME --session ID joins one.",
    .options = kJsonOnly,
    .examples = kListExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Sandboxes,
    .run = list,
};

const CommandSpec kJobStatusCommand = {
    .name = "job status",
    .arguments = "NAME ID",
    .summary = "Show whether a detached command runs, and how it ended",
    .details =
        "Its status is running, completed (exit code 0), failed (any other; 137 when it was "
        "killed,\n124 after its timeout) or lost: its sandbox ended before it did.",
    .options = kJsonOnly,
    .examples = kStatusExamples,
    .least = 2,
    .most = 2,
    .completes = Completes::Sandboxes,
    .run = status,
};

const CommandSpec kJobLogsCommand = {
    .name = "job logs",
    .arguments = "NAME ID",
    .summary = "Show what a detached command has printed",
    .details =
        "The last 6 to 8 MiB of each stream; where bytes are missing a line says how many. Into a "
        "file\nor a pipe every byte goes as it is, on a terminal control characters are shown as "
        "\\xNN.\n--follow ends when the command ends, or with Ctrl-C, which ends only the "
        "following.",
    .options = kLogsOptions,
    .examples = kLogsExamples,
    .least = 2,
    .most = 2,
    .completes = Completes::Sandboxes,
    .run = logs,
};

const CommandSpec kJobSignalCommand = {
    .name = "job signal",
    .arguments = "NAME ID SIGNAL",
    .summary = "Send a signal to a detached command",
    .details = "To the process group of its main process; by name (HUP, SIGHUP) or number.",
    .options = kJsonOnly,
    .examples = kSignalExamples,
    .least = 3,
    .most = 3,
    .completes = Completes::Sandboxes,
    .run = signal,
};

const CommandSpec kJobKillCommand = {
    .name = "job kill",
    .arguments = "NAME ID",
    .summary = "End a detached command with everything that it started",
    .details =
        "SIGTERM to all of it, and SIGKILL to what is left after the grace. Of a command that has\n"
        "ended it ends what that left running in the background.",
    .options = kKillOptions,
    .examples = kKillExamples,
    .least = 2,
    .most = 2,
    .completes = Completes::Sandboxes,
    .run = kill,
};

}  // namespace ak::cli
