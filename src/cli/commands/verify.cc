#include <nlohmann/json.hpp>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 1> kExamples = {"agentkernel verify build"};
constexpr int kSomethingFailed = 1;

Result<int> run(Context& context, const Arguments& arguments) {
  const json answer = AK_TRY(getApi(context, sandboxPath(arguments.first(), "verify")));
  const json& checks = AK_TRY(listIn(answer, "checks")).get();
  int status = 0;
  for (const json& check : checks) {
    // Anything but a clear yes is a no.
    const bool passed = fieldText(check, "passed") == "true";
    if (!passed) {
      status = kSomethingFailed;
    }
    if (!arguments.has("json")) {
      context.output().check(passed ? Output::Mark::Ok : Output::Mark::Failed,
                             fieldText(check, "name"), fieldText(check, "detail"));
    }
  }
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
  }
  return status;
}

}  // namespace

const CommandSpec kVerifyCommand = {
    .name = "verify",
    .arguments = "NAME",
    .summary = "Prove from inside what a sandbox cannot do",
    .details = "The exit status is 1 when a check failed.",
    .options = kJsonOnly,
    .examples = kExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
