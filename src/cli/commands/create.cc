#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "model/permissions.h"
#include "model/sandbox.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 3> kOptions = {{
    {"image", 'i', Takes::Value, "IMAGE", "Root file system (host)"},
    {"profile", 'p', Takes::Value, "PROFILE", "Security profile (moderate)",
     "permissive,moderate,restrictive,custom"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel create build",
    "agentkernel create --profile restrictive build",
};

Result<int> run(Context& context, const Arguments& arguments) {
  json body = {{"name", arguments.first()}};
  AK_TRY(model::validateSandboxName(arguments.first()));
  if (const auto image = arguments.value("image")) {
    body["image"] = *image;
  }
  if (const auto word = arguments.value("profile")) {
    body["profile"] = model::name(AK_TRY(model::parseProfile(*word)));
  }
  const json sandbox = AK_TRY(callApi(context, "POST", "/sandboxes", body));
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
    .options = kOptions,
    .examples = kExamples,
    .least = 1,
    .most = 1,
    .run = run,
};

}  // namespace ak::cli
