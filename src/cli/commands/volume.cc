#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/each.h"
#include "cli/values.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 2> kCreateOptions = {{
    {"size", 's', Takes::Value, "SIZE", "What it may hold at most, such as 1gb (no limit)"},
    kJsonOption,
}};

constexpr std::array<OptionSpec, 2> kRemoveOptions = {{
    {"force", 'f', Takes::Nothing, "", "One that is not there is no error"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 3> kCreateExamples = {
    "agentkernel volume create cache",
    "agentkernel volume create --size 1gb data",
    "agentkernel run --volume data:/data -- sh -c 'echo kept > /data/f'",
};
constexpr std::array<std::string_view, 1> kListExamples = {"agentkernel volume list"};
constexpr std::array<std::string_view, 1> kInspectExamples = {"agentkernel volume inspect data"};
constexpr std::array<std::string_view, 1> kRemoveExamples = {"agentkernel volume rm data"};

std::string volumePath(std::string_view slug) {
  return cat("/volumes/", client::escapeSegment(slug));
}

std::string sizeText(const json& volume) {
  const std::string text = fieldText(volume, "size_bytes");
  return text == "0" ? "unlimited" : readableBytes(parseNumber<std::uint64_t>(text).value_or(0));
}

// Nothing is 0 B: it is not "unlimited".
std::string usedText(const json& volume) {
  const auto bytes = parseNumber<std::uint64_t>(fieldText(volume, "used_bytes"));
  if (!bytes) {
    return "?";
  }
  return cat(fieldText(volume, "used_at_least") == "true" ? "> " : "", readableBytes(*bytes));
}

std::string usersText(const json& volume) {
  std::vector<std::string> names;
  const auto users = volume.find("used_by");
  if (users != volume.end() && users->is_array()) {
    for (const json& user : *users) {
      const bool snapshot = fieldText(user, "kind") == "snapshot";
      names.push_back(cat(fieldText(user, "name"), snapshot ? " (snapshot)" : ""));
    }
  }
  return names.empty() ? "-" : join(names, ", ");
}

Result<int> create(Context& context, const Arguments& arguments) {
  json body = {{"slug", arguments.first()}};
  if (const auto word = arguments.value("size")) {
    body["size_bytes"] = AK_TRY(parseVolumeSize(*word));
  }
  const json volume = AK_TRY(callApi(context, "POST", "/volumes", body));
  if (arguments.has("json")) {
    context.output().text(prettyJson(volume));
  } else {
    context.output().line(printable(fieldText(volume, "slug")));
  }
  return 0;
}

Result<int> list(Context& context, const Arguments& arguments) {
  const json volumes = AK_TRY(getApi(context, "/volumes"));
  if (arguments.has("json")) {
    context.output().text(prettyJson(volumes));
    return 0;
  }
  Output::Table table{.head = {"SLUG", "SIZE", "USED", "CREATED", "LAST USED", "USED BY"}};
  for (const json& volume : volumes) {
    const std::string last = fieldTime(volume, "last_used");
    table.rows.push_back({fieldText(volume, "slug"), sizeText(volume), usedText(volume),
                          fieldTime(volume, "created_at"), last.empty() ? "never" : last,
                          usersText(volume)});
  }
  context.output().table(table);
  return 0;
}

Result<int> inspect(Context& context, const Arguments& arguments) {
  const json volume = AK_TRY(getApi(context, volumePath(arguments.first())));
  context.output().text(arguments.has("json") ? prettyJson(volume) : fieldLines(volume));
  return 0;
}

Result<int> remove(Context& context, const Arguments& arguments) {
  return forEachName(context, arguments, [&](const std::string& slug) -> Result<json> {
    Result<json> removed = callApi(context, "DELETE", volumePath(slug), nullptr);
    if (!removed && arguments.has("force") && removed.error().code == ErrorCode::NotFound) {
      return json("Volume removed");
    }
    return removed;
  });
}

}  // namespace

const CommandSpec kVolumeCreateCommand = {
    .name = "volume create",
    .arguments = "SLUG",
    .summary = "Make a volume: a directory that outlives sandboxes and can be in many",
    .details =
        "Show it in a sandbox with run or create --volume SLUG:/PATH[:ro]. All sandboxes see the "
        "same\nowners of its files. Forks and restored snapshots of a sandbox have the same "
        "volume, "
        "not a copy.",
    .options = kCreateOptions,
    .examples = kCreateExamples,
    .least = 1,
    .most = 1,
    .run = create,
};

const CommandSpec kVolumeListCommand = {
    .name = "volume list",
    .summary = "List volumes, what they hold and who uses them",
    .options = kJsonOnly,
    .examples = kListExamples,
    .run = list,
};

const CommandSpec kVolumeInspectCommand = {
    .name = "volume inspect",
    .arguments = "SLUG",
    .summary = "Show all about a volume",
    .options = kJsonOnly,
    .examples = kInspectExamples,
    .least = 1,
    .most = 1,
    .run = inspect,
};

const CommandSpec kVolumeRemoveCommand = {
    .name = "volume rm",
    .arguments = "SLUG...",
    .summary = "Remove volumes with all that is in them",
    .details =
        "One that a sandbox (running or stopped) or a snapshot has is refused, with --force too.",
    .options = kRemoveOptions,
    .examples = kRemoveExamples,
    .least = 1,
    .most = kMostNames,
    .run = remove,
};

}  // namespace ak::cli
