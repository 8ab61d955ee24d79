#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "client/daemon_spawn.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel doctor",
    "agentkernel doctor --json",
};
constexpr int kSomethingFailed = 1;

// No daemon can start, which is what the user wants explained: why not, and the checks that its
// program can do without one.
json withoutDaemon(const client::DaemonPlace& place, const Error& why) {
  json checks = json::array({{{"name", "daemon"}, {"status", "error"}, {"message", why.message}}});
  if (!why.remedy.empty()) {
    checks[0]["remedy"] = why.remedy;
  }
  const auto report = client::runDoctor(place);
  const json rest = report ? json::parse(*report, nullptr, false) : json();
  if (const auto listed = listIn(rest, "checks")) {
    checks.insert(checks.end(), listed->get().begin(), listed->get().end());
  }
  return {{"checks", std::move(checks)}, {"healthy", false}};
}

Output::Mark markOf(const json& check) {
  const std::string status = fieldText(check, "status");
  if (status == "error") {
    return Output::Mark::Failed;
  }
  if (status == "info") {
    return Output::Mark::Info;
  }
  return status == "warning" ? Output::Mark::Warning : Output::Mark::Ok;
}

Result<int> run(Context& context, const Arguments& arguments) {
  auto client = context.connect();
  const json answer = client ? AK_TRY(getApi(context, "/doctor"))
                             : withoutDaemon(AK_TRY(context.daemonPlace()), client.error());
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
  }
  const json& checks = AK_TRY(listIn(answer, "checks")).get();
  int status = 0;
  for (const json& check : checks) {
    const Output::Mark mark = markOf(check);
    if (mark == Output::Mark::Failed) {
      status = kSomethingFailed;
    }
    if (arguments.has("json")) {
      continue;
    }
    context.output().check(mark, fieldText(check, "name"), fieldText(check, "message"));
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
    .details =
        "The exit status is 1 when something that is needed is missing. When no daemon can start, "
        "why\nnot is the first line.",
    .options = kJsonOnly,
    .examples = kExamples,
    .run = run,
};

}  // namespace ak::cli
