#include <array>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/guest.h"
#include "model/run_request_json.h"

namespace ak::cli {

namespace {

constexpr std::array<OptionSpec, 11> kOptions = {{
    {"env", 'e', Takes::Values, "KEY[=VALUE]", "Set a variable, or pass on the one from here"},
    {"env-file", 0, Takes::Values, "FILE", "Read variables from a file, one in a line"},
    {"workdir", 'w', Takes::Value, "DIR", "Working directory in the sandbox"},
    {"user", 'u', Takes::Value, "USER", "User in the sandbox: name, uid or uid:gid"},
    {"sudo", 0, Takes::Nothing, "", "Run as user 0 of the sandbox"},
    {"timeout", 0, Takes::Value, "TIME", "End the command after that long, such as 90s or 1h"},
    {"detach", 'd', Takes::Nothing, "", "Leave the command running and print its id"},
    {"tty", 't', Takes::Nothing, "", "Give the command a terminal"},
    {"interactive", 'i', Takes::Nothing, "", "Forward standard input even from a terminal"},
    {"no-stdin", 0, Takes::Nothing, "", "Give the command an empty standard input"},
    {"json", 0, Takes::Nothing, "", "Print one JSON object with output and outcome"},
}};

constexpr std::array<std::string_view, 4> kExamples = {
    "agentkernel exec build -- make install",
    "agentkernel exec -t build bash",
    "id=$(agentkernel exec -d build -- make test) && agentkernel job logs -f build $id",
    "agentkernel exec --sudo build -- chown -R 1000 /workspace",
};

Result<int> detach(Context& context, const Arguments& arguments, model::ExecRequest request) {
  if (request.terminal || arguments.has("interactive")) {
    return fail(ErrorCode::InvalidArgument, "--detach goes with neither --tty nor --interactive",
                "A detached command has an empty standard input.");
  }
  request.stdin_open = false;
  const nlohmann::json job = AK_TRY(callApi(
      context, "POST", sandboxPath(arguments.first(), "exec/detach"), model::toJson(request)));
  if (arguments.has("json")) {
    context.output().text(prettyJson(job));
  } else {
    context.output().line(printable(fieldText(job, "id")));
  }
  return 0;
}

Result<int> run(Context& context, const Arguments& arguments) {
  model::ExecRequest request;
  AK_TRY(fillCommon(context, arguments, request));
  request.sudo = arguments.has("sudo");
  if (arguments.has("detach")) {
    return detach(context, arguments, std::move(request));
  }
  const GuestCall call{.path = sandboxPath(arguments.first(), "exec"),
                       .body = AK_TRY(toJsonText(model::toJson(request))),
                       .standard_input = Use(request.stdin_open),
                       .terminal = Use(request.terminal),
                       .json = Use(arguments.has("json"))};
  return callGuest(context, call);
}

}  // namespace

const CommandSpec kExecCommand = {
    .name = "exec",
    .arguments = "NAME [--] COMMAND [ARG...]",
    .summary = "Run a command in a running sandbox",
    .details =
        "The exit status is that of the command, as for run. With --detach the command runs on by\n"
        "itself, also without a daemon: agentkernel job list, status, logs, signal and kill.",
    .options = kOptions,
    .examples = kExamples,
    .guest_after = 1,
    .least = 1,
    .most = 1,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
