#include "config/sections/commands.h"

#include "base/text.h"

namespace ak::config {

namespace {

constexpr KeySpec kKeys[] = {
    {"allow", "list of strings", "[]", Where::Both, "Commands that may start, by base name."},
    {"block", "list of strings", "[]", Where::Both,
     "Commands that may not start; wins over allow."},
    {"allowlist_only", "true or false", "false", Where::Both,
     "Refuse every command that is not in `allow`."},
};

// A rule with a slash would never match a base name: a restriction that does nothing.
Status checkNames(const SectionReader& reader,
                  const Maybe<std::vector<std::string>>& names,
                  std::string_view key) {
  if (!names) {
    return {};
  }
  for (const std::string& name : names->value) {
    if (name.contains('/') || name.contains(' ') || name.contains('*')) {
      return reader.context().invalid(
          reader.find(key)->at,
          cat("security.commands.", key, ": '", printable(name),
              "' is not the base name of a command"),
          "Write names like \"curl\": no path, no arguments, no patterns.");
    }
  }
  return {};
}

}  // namespace

const SectionSpec kCommandsSpec = {"security.commands", SectionSpec::Shape::Table, kKeys};

Status readCommands(const SectionReader& reader, CommandsSection& out) {
  out.origin = reader.context().origin(reader.at());
  out.allow = AK_TRY(reader.strings("allow"));
  out.block = AK_TRY(reader.strings("block"));
  out.allowlist_only = AK_TRY(reader.boolean("allowlist_only"));
  AK_TRY(checkNames(reader, out.allow, "allow"));
  AK_TRY(checkNames(reader, out.block, "block"));
  if (out.allow && !out.allow->value.empty() &&
      !(out.allowlist_only && out.allowlist_only->value)) {
    reader.context().warn(reader.find("allow")->at,
                          "security.commands.allow only refuses others with allowlist_only = true");
  }
  return {};
}

}  // namespace ak::config
