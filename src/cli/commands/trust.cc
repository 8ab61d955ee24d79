#include <cstdlib>

#include <climits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "model/base64.h"
#include "sys/file.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxProjectFile = 1024 * 1024;

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"revoke", 0, Takes::Nothing, "", "Take the trust back"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel trust",
    "agentkernel trust --revoke ~/src/project",
};

Result<int> run(Context& context, const Arguments& arguments) {
  const std::string given = arguments.positional().empty() ? "." : arguments.first();
  char path[PATH_MAX];
  if (::realpath(given.c_str(), path) == nullptr) {
    return failErrno(cat("find ", printable(given)));
  }
  const std::string file = cat(path, "/agentkernel.toml");
  // The content goes with it: what is trusted is what the user could read now.
  const std::string content = AK_TRY(sys::readFile(file, kMaxProjectFile));
  const json body = {{"path", file}, {"content", model::toBase64(content)}};
  const json answer =
      AK_TRY(callApi(context, arguments.has("revoke") ? "DELETE" : "POST", "/trust", body));
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
  } else {
    context.output().line(
        cat(arguments.has("revoke") ? "no longer trusted: " : "trusted: ", printable(file)));
  }
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
