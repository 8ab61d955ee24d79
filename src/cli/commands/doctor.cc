#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel doctor",
    "agentkernel doctor --json",
};
constexpr int kSomethingFailed = 1;

// No daemon can start, which is what the user wants explained: the same checks, run by the daemon's
// program in our place. Returns only when that cannot be done either.
Result<int> runHere(Context& context, const Error& why) {
  const client::DaemonPlace place = AK_TRY(context.daemonPlace());
  context.output().error(why);
  const env::Paths& paths = place.paths;
  ::execl(place.program.c_str(), place.program.c_str(), "--doctor", "--state-dir",
          paths.state.c_str(), "--runtime-dir", paths.runtime.c_str(), "--config",
          paths.user_config.c_str(), nullptr);
  return failErrno(cat("run ", place.program, " --doctor"));
}

bool isFailure(const json& check) {
  return fieldText(check, "status") == "error";
}

Result<int> run(Context& context, const Arguments& arguments) {
  auto client = context.connect();
  if (!client) {
    return runHere(context, client.error());
  }
  const json answer = AK_TRY(getApi(context, "/doctor"));
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
  }
  const json& checks = AK_TRY(listIn(answer, "checks")).get();
  int status = 0;
  for (const json& check : checks) {
    if (isFailure(check)) {
      status = kSomethingFailed;
    }
    if (arguments.has("json")) {
      continue;
    }
    context.output().check(!isFailure(check), fieldText(check, "name"),
                           fieldText(check, "message"));
    if (const std::string remedy = fieldText(check, "remedy"); !remedy.empty()) {
      context.output().line(cat("        ", printable(remedy)));
    }
  }
  return status;
}

}  // namespace

const CommandSpec kDoctorCommand = {
    .name = "doctor",
    .summary = "Check this machine and say what is missing",
    .details = "The exit status is 1 when something that is needed is missing.",
    .options = kJsonOnly,
    .examples = kExamples,
    .run = run,
};

}  // namespace ak::cli
