#include <cerrno>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/project.h"
#include "model/base64.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"revoke", 0, Takes::Nothing, "", "Take the trust back"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel trust",
    "agentkernel trust --revoke ~/src/project",
};

void show(Context& context, const Arguments& arguments, const json& answer, std::string_view line) {
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
  } else {
    context.output().line(line);
  }
}

Result<int> run(Context& context, const Arguments& arguments) {
  const std::string file = projectFileIn(AK_TRY(directoryOf(arguments)));
  json body = {{"path", file}};
  if (arguments.has("revoke")) {
    // The trust goes also when the file is gone.
    const json answer = AK_TRY(callApi(context, "DELETE", "/trust", body));
    show(context, arguments, answer, cat("no longer trusted: ", printable(file)));
    return 0;
  }
  // The content goes with it: what is trusted is what the user could read now.
  auto content = readProjectFile(file);
  if (!content) {
    Error error = std::move(content).error();
    error.remedy = error.sys_errno == ENOENT
                       ? "Only a project with an agentkernel.toml needs trust; name its directory."
                       : "Make it a readable file of at most 1 MiB.";
    return std::unexpected(std::move(error));
  }
  body["content"] = model::toBase64(*content);
  const json answer = AK_TRY(callApi(context, "POST", "/trust", body));
  show(context, arguments, answer, cat("trusted: ", printable(file)));
  return 0;
}

}  // namespace

const CommandSpec kTrustCommand = {
    .name = "trust",
    .arguments = "[DIRECTORY]",
    .summary = "Grant a project's agentkernel.toml what it asks for",
    .details =
        "A project file may only narrow what you allow, until you trust it. Trust is bound to the\n"
        "directory and to the file's content: a changed file must be trusted anew. Read it first.",
    .options = kOptions,
    .examples = kExamples,
    .most = 1,
    .completes = Completes::Files,
    .run = run,
};

}  // namespace ak::cli
