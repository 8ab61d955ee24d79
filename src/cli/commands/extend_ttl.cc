#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/each.h"
#include "cli/sandbox_options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"by", 0, Takes::Value, "TIME", "So much longer from the later of now and its end (1h)"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel extend-ttl build",
    "agentkernel extend-ttl build --by 3d",
};

Result<int> run(Context& context, const Arguments& arguments) {
  const std::uint64_t seconds = AK_TRY(parseSeconds("--by", arguments.value("by").value_or("1h")));
  const json body = {{"by", seconds}};
  const json answer =
      AK_TRY(callApi(context, "POST", sandboxPath(arguments.first(), "extend"), body));
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
  } else {
    context.output().line(printable(fieldText(answer, "expires_at")));
  }
  return 0;
}

}  // namespace

const CommandSpec kExtendTtlCommand = {
    .name = "extend-ttl",
    .arguments = "NAME",
    .summary = "Let a sandbox live longer, and print until when",
    .details =
        "A sandbox that had no end gets one. What is over its time is removed a minute later; "
        "until\nthen it can still be extended.",
    .options = kOptions,
    .examples = kExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
