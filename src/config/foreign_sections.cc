#include "config/foreign_sections.h"

#include <algorithm>

#include "base/text.h"

namespace ak::config {

namespace {

using Keys = const std::string_view[];

constexpr Keys kAnything = {"*"};
constexpr Keys kAgent = {"compatibility_mode"};
constexpr Keys kApi = {"api_key", "api_key_env", "tls.enabled", "tls.require_tls"};
constexpr Keys kEnabled = {"enabled"};
constexpr Keys kTransport = {"require_encrypted"};
constexpr std::string_view kTakeOut = "Take the section out; this build does not offer it yet.";

constexpr ForeignSection kSections[] = {
    {"agent", kAgent, "Take the section out; for a mode's permissions set security.profile."},
    {"api", kApi, kTakeOut},
    {"build",
     {},
     "Build the image yourself, import it with: agentkernel images import, and name it."},
    {"enterprise", kEnabled, kTakeOut},
    {"git", {}, kTakeOut},
    {"llm_governance", kEnabled, kTakeOut},
    {"llm_keys", kAnything, "Take the section out; secrets cannot be bound yet."},
    {"microvm", {}, kTakeOut},
    {"network", {}, "Take the section out; publish ports with: agentkernel run --publish"},
    {"orchestrator", {}, kTakeOut},
    {"proxy", {}, kTakeOut},
    {"quotas", kEnabled, "Use [limits] in the user configuration."},
    {"remote", {}, kTakeOut},
    {"schedule", {}, kTakeOut},
    {"scheduling", {}, kTakeOut},
    {"secrets", kAnything, "Take the section out; secrets cannot be bound yet."},
    {"security.domains", kAnything,
     "Take the section out; use security.network = \"none\" to allow no host at all."},
    {"security.transport", kTransport, kTakeOut},
    {"ssh", {}, kTakeOut},
    {"template", {}, kTakeOut},
    {"workspace", {}, kTakeOut},
};

bool saysSomething(const Value& value) {
  switch (value.kind) {
    case Value::Kind::Boolean:
      return value.boolean;
    case Value::Kind::String:
      return !value.text.empty();
    case Value::Kind::Array:
      return !value.items.empty();
    case Value::Kind::Table:
      return std::ranges::any_of(value.fields,
                                 [](const Field& field) { return saysSomething(field.value); });
    case Value::Kind::Integer:
    case Value::Kind::Float:
    case Value::Kind::Time:
      return true;
  }
  return true;
}

bool asks(const Value& section, std::string_view dotted) {
  if (dotted == "*") {
    return saysSomething(section);
  }
  const Value* value = &section;
  for (const std::string_view key : split(dotted, '.')) {
    value = value->find(key);
    if (value == nullptr) {
      return false;
    }
  }
  return saysSomething(*value);
}

}  // namespace

std::span<const ForeignSection> foreignSections() {
  return kSections;
}

Status readForeign(const ForeignSection& section,
                   Position at,
                   const Value& value,
                   FileContext& context) {
  const bool restricts = std::ranges::any_of(
      section.restrictions, [&](std::string_view key) { return asks(value, key); });
  if (context.audience == Audience::User || restricts) {
    return fail(
        ErrorCode::Unsupported,
        cat(context.origin(at).precise(), ": [", section.path, "] is not offered by this build"),
        std::string(section.instead));
  }
  context.warn(at, cat("[", section.path, "] is not offered by this build and was ignored"));
  return {};
}

}  // namespace ak::config
