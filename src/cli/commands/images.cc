#include <cstdlib>

#include <climits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/each.h"
#include "cli/values.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kImportOptions = {{
    {"name", 'n', Takes::Value, "NAME", "What it is to be called (the file's name, without .tar)"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 1> kListExamples = {"agentkernel images list"};
constexpr std::array<std::string_view, 2> kImportExamples = {
    "agentkernel images import --name debian:12 ./debian-rootfs.tar",
    "agentkernel images import ./oci-layout",
};
constexpr std::array<std::string_view, 1> kRemoveExamples = {"agentkernel images rm debian:12"};
constexpr std::array<std::string_view, 1> kPruneExamples = {"agentkernel images prune"};

Result<int> list(Context& context, const Arguments& arguments) {
  const json images = AK_TRY(getApi(context, "/images"));
  if (arguments.has("json")) {
    context.output().text(prettyJson(images));
    return 0;
  }
  Output::Table table{.head = {"NAME", "DIGEST", "SIZE", "LAYERS", "CREATED"}};
  for (const json& image : images) {
    table.rows.push_back({fieldText(image, "name"), fieldText(image, "id").substr(0, 19),
                          fieldSize(image, "size"), fieldText(image, "layers"),
                          fieldTime(image, "created")});
  }
  context.output().table(table);
  return 0;
}

Result<int> import(Context& context, const Arguments& arguments) {
  // The daemon has a working directory of its own.
  char source[PATH_MAX];
  if (::realpath(arguments.first().c_str(), source) == nullptr) {
    Error error = failErrno(cat("import ", printable(arguments.first()))).error();
    error.remedy = "Name a root directory, a root tar, an OCI layout or a docker-archive.";
    return std::unexpected(std::move(error));
  }
  const std::string name = arguments.value("name").value_or(imageNameOf(source));
  const json body = {{"path", source}, {"name", name}};
  const json image = AK_TRY(callApi(context, "POST", "/images/import", body));
  if (arguments.has("json")) {
    context.output().text(prettyJson(image));
  } else {
    context.output().line(printable(fieldText(image, "name")));
  }
  return 0;
}

Result<int> remove(Context& context, const Arguments& arguments) {
  return forEachName(context, arguments, [&](const std::string& name) {
    return callApi(context, "DELETE", cat("/images/", client::escapeSegment(name)), nullptr);
  });
}

Result<int> prune(Context& context, const Arguments& arguments) {
  const json answer = AK_TRY(callApi(context, "POST", "/images/prune", nullptr));
  if (arguments.has("json")) {
    context.output().text(prettyJson(answer));
  } else {
    const auto& removed = AK_TRY(listIn(answer, "removed")).get();
    context.output().line(removed.empty() ? std::string("there was nothing to remove")
                                          : cat("removed ", removed.size(), ", freed ",
                                                fieldSize(answer, "freed_bytes")));
  }
  return 0;
}

}  // namespace

const CommandSpec kImagesListCommand = {
    .name = "images list",
    .summary = "List local images",
    .options = kJsonOnly,
    .examples = kListExamples,
    .run = list,
};

const CommandSpec kImagesImportCommand = {
    .name = "images import",
    .arguments = "SOURCE",
    .summary = "Import a root directory, root tar, OCI layout or docker-archive",
    .details = "An image that had the name before is left unnamed (images prune removes it).",
    .options = kImportOptions,
    .examples = kImportExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Files,
    .run = import,
};

const CommandSpec kImagesRemoveCommand = {
    .name = "images rm",
    .arguments = "IMAGE...",
    .summary = "Remove images",
    .options = kJsonOnly,
    .examples = kRemoveExamples,
    .least = 1,
    .most = kMostNames,
    .run = remove,
};

const CommandSpec kImagesPruneCommand = {
    .name = "images prune",
    .summary = "Remove images and layers that no sandbox uses",
    .options = kJsonOnly,
    .examples = kPruneExamples,
    .run = prune,
};

}  // namespace ak::cli
