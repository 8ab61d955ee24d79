#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/options.h"
#include "cli/sandbox_options.h"
#include "model/run_request_json.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 1> kOwnOptions = {kJsonOption};
constexpr auto kOptions = withSandboxOptions(kOwnOptions);

constexpr std::array<std::string_view, 3> kExamples = {
    "agentkernel create build",
    "agentkernel create --profile restrictive --memory 2g --label team=web build",
    "agentkernel create --mount none --ttl 8h scratch",
};

Result<int> run(Context& context, const Arguments& arguments) {
  model::RunRequest request;
  AK_TRY(fillCommon(context, arguments, request));
  AK_TRY(fillSandbox(context, arguments, request));
  request.stdin_open = false;
  request.name = arguments.first();
  AK_TRY(model::validateSandboxName(request.name));
  const json sandbox = AK_TRY(callApi(context, "POST", "/sandboxes", model::toJson(request)));
  if (arguments.has("json")) {
    context.output().text(prettyJson(sandbox));
  } else {
    context.output().line(printable(arguments.first()));
  }
  return 0;
}

}  // namespace

const CommandSpec kCreateCommand = {
    .name = "create",
    .arguments = "NAME",
    .summary = "Make and start a named sandbox without running anything in it",
    .details = "The working directory is at /workspace, copy-on-write, as with run --keep.",
    .options = kOptions,
    .examples = kExamples,
    .least = 1,
    .most = 1,
    .run = run,
};

}  // namespace ak::cli
