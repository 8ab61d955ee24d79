#include <cstdlib>

#include <climits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kImportOptions = {{
    {.name = "dry-run", .help = "Say what would be taken over, and change nothing"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 2> kImportExamples = {
    "agentkernel state import --dry-run",
    "agentkernel state import /backup/agentkernel",
};

std::string join(const json& notes) {
  std::string text;
  for (const json& note : notes) {
    text += cat(text.empty() ? "" : " ", note.is_string() ? note.get<std::string>() : "");
  }
  return text;
}

Result<int> import(Context& context, const Arguments& arguments) {
  json body = {{"dry_run", arguments.has("dry-run")}};
  if (!arguments.positional().empty()) {
    // The daemon has a working directory of its own.
    char directory[PATH_MAX];
    if (::realpath(arguments.first().c_str(), directory) == nullptr) {
      Error error = failErrno(cat("import ", printable(arguments.first()))).error();
      error.remedy = "Name the directory that has the files, or the one above it.";
      return std::unexpected(std::move(error));
    }
    body["path"] = directory;
  }
  const json answer = AK_TRY(callApi(context, "POST", "/state/import", body));
  const json& imported = AK_TRY(listIn(answer, "imported"));
  const json& skipped = AK_TRY(listIn(answer, "skipped"));
  const json& refused = AK_TRY(listIn(answer, "refused"));
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
    return refused.empty() ? 0 : 1;
  }
  Output::Table table{.head = {"NAME", "BACKEND", "RESULT", "NOTES"}};
  const std::string done = arguments.has("dry-run") ? "would be imported" : "imported";
  for (const json& item : imported) {
    table.rows.push_back({fieldText(item, "name"), fieldText(item, "backend"), done,
                          join(item.value("notes", json::array()))});
  }
  for (const json& item : skipped) {
    table.rows.push_back({fieldText(item, "name"), "", "skipped", fieldText(item, "reason")});
  }
  for (const json& item : refused) {
    const std::string kept = fieldText(item, "kept_as");
    table.rows.push_back(
        {fieldText(item, "file"), "", "refused",
         cat(fieldText(item, "reason"), kept.empty() ? "" : "; copied to ", kept)});
  }
  context.output().table(table);
  return refused.empty() ? 0 : 1;
}

}  // namespace

const CommandSpec kStateImportCommand = {
    .name = "state import",
    .arguments = "[DIR]",
    .summary = "Take over the records of another implementation's sandboxes",
    .details =
        "DIR has its files, or the directory `sandboxes` that has them; without one, the place "
        "where it\nkeeps them by itself. They are read and never changed. What a sandbox's own "
        "container holds is\nnot taken over: sandboxes of engines that are not in use here are "
        "listed, and nothing is done to\nthem. A file that cannot be understood is copied to the "
        "quarantine and reported. Importing again\npasses over what is here already.",
    .options = kImportOptions,
    .examples = kImportExamples,
    .most = 1,
    .completes = Completes::Files,
    .run = import,
};

}  // namespace ak::cli
