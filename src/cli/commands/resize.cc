#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/sandbox_options.h"
#include "model/limits_json.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 4> kOptions = {{
    {"memory", 'm', Takes::Value, "SIZE", "Memory limit, such as 512mb or 2g"},
    {"cpus", 0, Takes::Value, "N", "Processor limit in cores, such as 2 or 0.5"},
    {"pids", 0, Takes::Value, "N", "Limit of processes and threads"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel resize build --memory 2g",
    "agentkernel resize build --cpus 1.5 --pids 1024",
};

Result<int> run(Context& context, const Arguments& arguments) {
  model::AskedLimits limits;
  AK_TRY(fillLimits(arguments, limits));
  json body = json::object();
  model::putLimits(body, limits);
  if (body.empty()) {
    return fail(ErrorCode::InvalidArgument, "resize: no limit is given",
                "See: agentkernel resize --help");
  }
  const json sandbox =
      AK_TRY(callApi(context, "POST", sandboxPath(arguments.first(), "resize"), body));
  for (const json& hint : sandbox.value("hints", json::array())) {
    context.output().hint(printable(hint.get<std::string>()));
  }
  if (sandbox.value("restarted", false)) {
    context.output().hint("It was started again: its backend cannot do this to one that runs.");
  }
  if (arguments.has("json")) {
    context.output().text(prettyJson(sandbox));
  } else {
    context.output().line(printable(arguments.first()));
  }
  return 0;
}

}  // namespace

const CommandSpec kResizeCommand = {
    .name = "resize",
    .arguments = "NAME",
    .summary = "Give a sandbox more or less memory, processor or processes",
    .details =
        "A running sandbox goes on running. A stopped one has the limits from its next start.",
    .options = kOptions,
    .examples = kExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
