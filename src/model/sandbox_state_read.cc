// From a file of another implementation.
#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/json_fields.h"
#include "model/json_parse.h"
#include "model/notes_json.h"
#include "model/sandbox_state.h"

namespace ak::model {

using nlohmann::json;

namespace {

constexpr std::uint64_t kMaxPort = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t kMaxU32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMaxU64 = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kMaxImage = 256;
// Paths of a sandbox's sockets are made of it, and have 108 bytes.
constexpr std::size_t kMaxUuid = 36;

constexpr std::array<std::string_view, 6> kRequired = {"name",      "image",     "vcpus",
                                                       "memory_mb", "vsock_cid", "created_at"};

// Those that a record has members of its own for. Run-time facts are among them: nothing runs.
const std::set<std::string_view>& understood() {
  static const std::set<std::string_view> kKeys = {"archived_at",
                                                   "archived_reason",
                                                   "backend",
                                                   "container_work_dir",
                                                   "created_at",
                                                   "created_from_template",
                                                   "description",
                                                   "dormant_at",
                                                   "dormant_reason",
                                                   "environment",
                                                   "expires_at",
                                                   "image",
                                                   "init_script",
                                                   "labels",
                                                   "last_activity_at",
                                                   "lifecycle_policy",
                                                   "memory_mb",
                                                   "name",
                                                   "ports",
                                                   "proxy_port",
                                                   "ssh_host_port",
                                                   "template_help_text",
                                                   "ttl_seconds",
                                                   "uuid",
                                                   "vcpus",
                                                   "vsock_cid"};
  return kKeys;
}

bool saysSomething(const json& value) {
  return !value.is_null() && value != json(false) && !(value.is_string() && value == "") &&
         !(value.is_structured() && value.empty());
}

// A sandbox started without one of these would not be what its owner made.
constexpr std::array<std::string_view, 11> kNeededToStart = {
    "full_state_lineage", "git_worktree",    "managed_network",
    "paused_at",          "ports",           "post_create_commands",
    "remote_id",          "secret_bindings", "secret_files",
    "ssh_enabled",        "volumes"};

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorCode::InvalidArgument, std::move(message));
}

Status requireKeys(const JsonFields& fields) {
  for (const std::string_view key : kRequired) {
    if (fields.find(key) == nullptr) {
      return wrong(cat("'", key, "' is missing"));
    }
  }
  return {};
}

// KEY=VALUE:HOST has the value in it; KEY:HOST names what is in a vault. Never quoted in the error.
Status refuseSecretValues(const JsonFields& fields) {
  const json* bindings = fields.find("secret_bindings");
  for (std::size_t i = 0; bindings != nullptr && bindings->is_array() && i < bindings->size();
       ++i) {
    const json& binding = (*bindings)[i];
    if (!binding.is_string() || binding.get_ref<const std::string&>().contains('=')) {
      return fail(ErrorCode::Unsupported, cat("'secret_bindings[", i, "]' holds a secret's value"),
                  "There is no vault to keep it in yet: put KEY:HOST in its place, or leave this "
                  "sandbox where it is.");
    }
  }
  return {};
}

// It becomes a part of paths.
Status checkUuid(const std::string& uuid) {
  const auto fine = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  };
  if (uuid.size() > kMaxUuid || !std::ranges::all_of(uuid, fine)) {
    return wrong(cat("'uuid' must be at most ", kMaxUuid, " letters, digits and '-'"));
  }
  return {};
}

Status checkImage(const std::string& image) {
  const auto fine = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view(".-_/:@").contains(c);
  };
  if (image.empty() || image.size() > kMaxImage || !std::ranges::all_of(image, fine)) {
    return wrong(
        cat("'image' must be 1 to ", kMaxImage, " letters, digits and characters of .-_/:@"));
  }
  return {};
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// [["KEY", "value"], ...]
Result<std::vector<std::string>> readEnvironment(const JsonFields& fields) {
  std::vector<std::string> environment;
  const json* list = fields.find("environment");
  if (list == nullptr) {
    return environment;
  }
  const auto is_pair = [](const json& entry) {
    return entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string();
  };
  if (!list->is_array() || !std::ranges::all_of(*list, is_pair)) {
    return wrong("'environment' must be a list of pairs of strings");
  }
  for (const json& entry : *list) {
    environment.push_back(
        cat(entry[0].get_ref<const std::string&>(), "=", entry[1].get_ref<const std::string&>()));
  }
  AK_TRY(validateEnvironment(environment));
  return environment;
}

Status readLifetime(JsonFields& fields, Lifetime& lifetime) {
  fields.number("ttl_seconds", lifetime.ttl_seconds, kMaxU64);
  fields.string("expires_at", lifetime.expires_at);
  fields.string("last_activity_at", lifetime.last_activity_at);
  fields.string("archived_at", lifetime.archived_at);
  fields.string("archived_reason", lifetime.archived_reason);
  fields.string("dormant_at", lifetime.dormant_at);
  fields.string("dormant_reason", lifetime.dormant_reason);
  if (auto policy = fields.object("lifecycle_policy")) {
    policy->number("auto_stop_after_seconds", lifetime.policy.auto_stop_after_seconds, kMaxU64);
    policy->number("auto_archive_after_seconds", lifetime.policy.auto_archive_after_seconds,
                   kMaxU64);
    policy->number("auto_delete_after_seconds", lifetime.policy.auto_delete_after_seconds, kMaxU64);
    fields.adopt(*policy);
  }
  return validate(lifetime.policy);
}

// What our rules have no room for is kept as it is and shown, not obeyed.
void readLabels(const json& body, ReadState& state, json& aside) {
  const auto at = body.find("labels");
  if (at == body.end() || at->is_null()) {
    return;
  }
  JsonFields fields(body, "");
  model::readLabels(fields, state.record.labels);
  if (!std::move(fields).status()) {
    state.record.labels.clear();
    aside["labels"] = *at;
    state.notes.emplace_back(
        "Its labels are not ones that could be set here: shown, not searched.");
  }
}

// [{host_port?, container_port, protocol?}]. Published on every interface there, on the loopback
// here. What could not be asked for is kept as it is, and the sandbox is not started without it.
void readPorts(const json& body, ReadState& state, json& aside) {
  const auto at = body.find("ports");
  if (at == body.end() || !saysSomething(*at)) {
    return;
  }
  JsonFields fields(body, "");
  std::vector<PortMapping> ports;
  for (JsonFields& entry : fields.objects("ports", kMaxPorts)) {
    PortMapping mapping;
    std::string protocol = "tcp";
    entry.number("host_port", mapping.host, kMaxPort);
    entry.number("container_port", mapping.container, kMaxPort);
    entry.string("protocol", protocol);
    mapping.automatic = mapping.host == 0;
    mapping.protocol = lower(protocol) == "udp" ? PortProtocol::Udp : PortProtocol::Tcp;
    if (mapping.container == 0 || (lower(protocol) != "tcp" && lower(protocol) != "udp")) {
      fields.rejectType("ports", "a list of ports");
    }
    fields.adopt(entry);
    ports.push_back(std::move(mapping));
  }
  if (std::move(fields).status() && validatePorts(ports)) {
    state.record.ports = std::move(ports);
  } else {
    aside["ports"] = *at;
  }
}

void noteWhatIsMissing(const json& aside, ReadState& state) {
  for (const std::string_view key : kNeededToStart) {
    const auto at = aside.find(key);
    if (at != aside.end() && saysSomething(*at)) {
      state.notes.push_back(cat("It cannot be started here: it was made with '", key, "'."));
      return;
    }
  }
  const auto directory = aside.find("work_dir");
  if (directory != aside.end() && saysSomething(*directory)) {
    state.notes.emplace_back("Its directory of the host is not mounted.");
  }
}

}  // namespace

Result<ReadState> readSandboxState(const json& body) {
  JsonFields fields(body, "");
  if (!body.is_object()) {
    return std::unexpected(std::move(fields).status().error());
  }
  AK_TRY(requireKeys(fields));
  AK_TRY(refuseSecretValues(fields));
  ReadState state;
  SandboxRecord& record = state.record;
  std::string description;
  fields.string("name", record.name);
  fields.string("image", record.image);
  fields.number("vcpus", state.vcpus, kMaxU32);
  fields.number("memory_mb", state.memory_mb, kMaxU64);
  fields.number("vsock_cid", record.vsock_cid, kMaxU32);
  fields.string("created_at", record.created_as);
  fields.string("uuid", record.uuid);
  fields.string("backend", record.backend);
  fields.string("container_work_dir", record.workdir);
  fields.string("init_script", record.init_script);
  fields.string("created_from_template", record.created_from_template);
  fields.string("template_help_text", record.template_help_text);
  fields.string("description", description);
  AK_TRY(readLifetime(fields, record.lifetime));
  AK_TRY(std::move(fields).status());
  record.environment = AK_TRY(readEnvironment(JsonFields(body, "")));
  AK_TRY(validateSandboxName(record.name));
  AK_TRY(checkUuid(record.uuid));
  AK_TRY(checkImage(record.image));
  AK_TRY(validateInitScript(record.init_script));
  if (!record.workdir.empty()) {
    AK_TRY(validateWorkdir(record.workdir));
  }
  record.description = AK_TRY(cleanDescription(description));
  record.created_from_template = AK_TRY(cleanDescription(record.created_from_template));
  record.template_help_text = AK_TRY(cleanDescription(record.template_help_text));
  record.backend = lower(record.backend);
  json aside = json::object();
  for (const auto& [key, value] : body.items()) {
    if (!understood().contains(key)) {
      aside[key] = value;
    }
  }
  readLabels(body, state, aside);
  readPorts(body, state, aside);
  noteWhatIsMissing(aside, state);
  record.kept_aside = aside.dump(-1, ' ', false, json::error_handler_t::replace);
  return state;
}

bool isPaused(const SandboxRecord& record) {
  const auto aside = parseJsonObject(record.kept_aside);
  const auto at = aside ? aside->find("paused_at") : json::const_iterator();
  return aside && at != aside->end() && saysSomething(*at);
}

Status startableHere(const SandboxRecord& record) {
  if (record.kept_aside.empty()) {
    return {};
  }
  const json aside = AK_TRY(parseJsonObject(record.kept_aside));
  for (const std::string_view key : kNeededToStart) {
    const auto at = aside.find(key);
    if (at != aside.end() && saysSomething(*at)) {
      return fail(ErrorCode::Unsupported,
                  cat("sandbox '", record.name, "' was made elsewhere with '", key,
                      "', which this version does not offer"),
                  cat("Make one without it: agentkernel create NAME --image ", record.image));
    }
  }
  return {};
}

}  // namespace ak::model
