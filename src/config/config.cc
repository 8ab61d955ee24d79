#include "config/config.h"

#include <algorithm>

#include "base/text.h"
#include "config/foreign_sections.h"

namespace ak::config {

namespace {

using Read = Status (*)(const SectionReader&, Config&);

struct KnownSection {
  const SectionSpec* spec;
  Read read;
};

// Sorted by name.
constexpr KnownSection kKnown[] = {
    {&kAuditSpec, [](const SectionReader& r, Config& c) { return readAudit(r, c.audit); }},
    {&kFilesSpec, [](const SectionReader& r, Config& c) { return readFileEntry(r, c.files); }},
    {&kLimitsSpec, [](const SectionReader& r, Config& c) { return readLimits(r, c.limits); }},
    {&kLogSpec, [](const SectionReader& r, Config& c) { return readLog(r, c.log); }},
    {&kPoolSpec, [](const SectionReader& r, Config& c) { return readPool(r, c.pool); }},
    {&kResourcesSpec,
     [](const SectionReader& r, Config& c) { return readResources(r, c.resources); }},
    {&kSandboxSpec, [](const SectionReader& r, Config& c) { return readSandbox(r, c.sandbox); }},
    {&kSecuritySpec, [](const SectionReader& r, Config& c) { return readSecurity(r, c.security); }},
    {&kCommandsSpec, [](const SectionReader& r, Config& c) { return readCommands(r, c.commands); }},
};

constexpr std::size_t kMaxFiles = 1000;

Status readOne(const KnownSection& known, const Value& table, FileContext& context, Config& out) {
  if (table.kind != Value::Kind::Table) {
    return context.invalid(table.at, cat(known.spec->name, " is ", kindName(table.kind)),
                           cat("Write [", known.spec->name, "] and its keys below it."));
  }
  return known.read(AK_TRY(SectionReader::open(*known.spec, table, context)), out);
}

Status readKnown(const KnownSection& known, const Value& value, FileContext& context, Config& out) {
  if (known.spec->shape == SectionSpec::Shape::Table) {
    return readOne(known, value, context, out);
  }
  if (value.kind != Value::Kind::Array || value.items.size() > kMaxFiles) {
    return context.invalid(value.at, cat(known.spec->name, " is not a list of at most 1000 tables"),
                           cat("Write [[", known.spec->name, "]] before each entry."));
  }
  for (const Value& item : value.items) {
    AK_TRY(readOne(known, item, context, out));
  }
  return {};
}

Status unknownSection(const Field& field, const FileContext& context) {
  std::vector<std::string_view> names;
  for (const KnownSection& known : kKnown) {
    names.push_back(known.spec->name);
  }
  for (const ForeignSection& foreign : foreignSections()) {
    names.push_back(foreign.path);
  }
  const std::string_view nearest = nearestWord(toLower(field.name), names);
  return context.invalid(field.at, cat("unknown section '", printable(field.name), "'"),
                         nearest.empty() ? std::string("docs/configuration.md lists all sections.")
                                         : cat("Did you mean '", nearest, "'?"));
}

// `prefix` is "" at the top, "security." inside [security].
Status readTable(const Value& table, std::string_view prefix, FileContext& context, Config& out) {
  for (const Field& field : table.fields) {
    const std::string path = cat(prefix, field.name);
    const auto known = std::ranges::find(kKnown, path, [](const auto& k) { return k.spec->name; });
    if (known != std::end(kKnown)) {
      AK_TRY(readKnown(*known, field.value, context, out));
      continue;
    }
    const auto foreign = std::ranges::find(foreignSections(), path, &ForeignSection::path);
    if (foreign != foreignSections().end()) {
      AK_TRY(readForeign(*foreign, field.at, field.value, context));
    } else if (prefix.empty()) {
      return unknownSection(field, context);
    }
  }
  return {};
}

Status parseInto(Audience audience, std::string_view path, std::string_view content, Config& out) {
  const Value root = AK_TRY(parseToml(path, content));
  out.path = path;
  FileContext context{std::string(path), audience, {}};
  AK_TRY(readTable(root, "", context, out));
  if (const Value* security = root.find("security")) {
    AK_TRY(readTable(*security, "security.", context, out));
  }
  out.warnings = std::move(context.warnings);
  return {};
}

}  // namespace

Result<ProjectConfig> parseProject(std::string_view path, std::string_view content) {
  ProjectConfig config;
  AK_TRY(parseInto(Audience::Project, path, content, config));
  return config;
}

Result<UserConfig> parseUser(std::string_view path, std::string_view content) {
  UserConfig config;
  auto parsed = parseInto(Audience::User, path, content, config);
  if (!parsed) {
    return std::unexpected(std::move(parsed).error().context("the user configuration is broken"));
  }
  return config;
}

std::span<const SectionSpec* const> allSections() {
  static constexpr const SectionSpec* kSpecs[] = {&kAuditSpec,   &kFilesSpec,    &kLimitsSpec,
                                                  &kLogSpec,     &kPoolSpec,     &kResourcesSpec,
                                                  &kSandboxSpec, &kSecuritySpec, &kCommandsSpec};
  return kSpecs;
}

}  // namespace ak::config
