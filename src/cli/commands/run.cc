#include <array>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/sandbox_options.h"
#include "model/run_request_json.h"
#include "model/sandbox.h"

namespace ak::cli {

namespace {

constexpr std::array<OptionSpec, 11> kOwnOptions = {{
    {"name", 'n', Takes::Value, "NAME", "Name of the sandbox"},
    {"keep", 'k', Takes::Nothing, "", "Keep the sandbox when the command has ended"},
    {"detach", 'd', Takes::Nothing, "", "Leave the command running and print the sandbox's name"},
    {"timeout", 0, Takes::Value, "TIME", "End the command after that long, such as 90s or 1h"},
    {"diff", 0, Takes::Nothing, "", "List at the end what the command changed"},
    {"tty", 't', Takes::Nothing, "", "Give the command a terminal"},
    {"interactive", 0, Takes::Nothing, "", "Forward standard input even from a terminal"},
    {"no-stdin", 0, Takes::Nothing, "", "Give the command an empty standard input"},
    {"fast", 'F', Takes::Nothing, "",
     "Take a sandbox from the warm pool if one fits (the default)"},
    {"no-fast", 0, Takes::Nothing, "", "Make a new sandbox even if the pool has one"},
    {"json", 0, Takes::Nothing, "", "Print one JSON object with output, outcome and phases"},
}};

constexpr auto kOptions = withSandboxOptions(kOwnOptions);

constexpr std::array<std::string_view, 6> kExamples = {
    "agentkernel run python3 -c 'print(\"hello from a sandbox\")'",
    "agentkernel run -t bash",
    "cat data.csv | agentkernel run --memory 512mb -- sort -u",
    "agentkernel run --keep --name build --diff -- make test",
    "agentkernel run --image debian:12 --profile restrictive -- ./untrusted",
    "agentkernel run --timeout 30s --json -- npm test",
};

Result<model::RunRequest> makeRequest(Context& context, const Arguments& arguments) {
  model::RunRequest request;
  AK_TRY(fillCommon(context, arguments, request));
  AK_TRY(fillSandbox(context, arguments, request));
  request.name = arguments.value("name").value_or("");
  if (!request.name.empty()) {
    AK_TRY(model::validateSandboxName(request.name));
  }
  request.keep = arguments.has("keep");
  request.detach = arguments.has("detach");
  request.fast = !arguments.has("no-fast");
  request.want_changes = arguments.has("diff");
  if (request.command.empty() && !request.project) {
    return fail(ErrorCode::InvalidArgument, "run: there is no command to run",
                arguments.has("image") ? "-i and --image take an image; put the command behind it."
                                       : "See: agentkernel run --help");
  }
  return request;
}

Result<int> run(Context& context, const Arguments& arguments) {
  model::RunRequest request = AK_TRY(makeRequest(context, arguments));
  if (request.detach) {
    // Nobody will be there to type or to look.
    request.stdin_open = false;
    if (request.terminal || request.want_changes) {
      return fail(ErrorCode::InvalidArgument, "--detach goes with neither --tty nor --diff",
                  "Look at the changes later: agentkernel diff NAME");
    }
  }
  const GuestCall call{.path = "/run",
                       .body = AK_TRY(toJsonText(model::toJson(request))),
                       .standard_input = Use(request.stdin_open),
                       .terminal = Use(request.terminal),
                       .detach = Detach(request.detach),
                       .json = Use(arguments.has("json")),
                       .changes = Use(request.want_changes),
                       .network_hint = Use(request.network != model::NetworkMode::Full)};
  auto status = callGuest(context, call);
  if (!status && status.error().code == ErrorCode::NotFound && arguments.has("image")) {
    context.output().hint("-i is --image; standard input is forwarded without an option");
  }
  return status;
}

}  // namespace

const CommandSpec kRunCommand = {
    .name = "run",
    .arguments = "[--] [COMMAND [ARG...]]",
    .summary = "Run a command in a fresh sandbox",
    .details =
        "The working directory is at /workspace, copy-on-write: the command reads it, and what it\n"
        "writes stays in the sandbox. The exit status is the command's own; 125 when we failed, "
        "126\n"
        "and 127 when it cannot be run or does not exist, 124 after a timeout, 128+n after signal "
        "n.\n"
        "Without a command the one of ./agentkernel.toml is run ([sandbox] command).\n"
        "Piped standard input is forwarded to its end; -t gives a terminal (-it is understood "
        "too).",
    .options = kOptions,
    .examples = kExamples,
    .guest_after = 0,
    .guest_command = CommandSpec::GuestCommand::Optional,
    .completes = Completes::Commands,
    .run = run,
};

}  // namespace ak::cli
