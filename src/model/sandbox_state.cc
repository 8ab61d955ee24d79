#include "model/sandbox_state.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/json_parse.h"
#include "model/notes_json.h"
#include "model/permissions_json.h"

namespace ak::model {

using nlohmann::json;

namespace {

// As the enum of SandboxState has them; ours are written alike.
constexpr auto kBackends = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"agentcomputer", "AgentComputer"},
    {"apple", "Apple"},
    {"daytona", "Daytona"},
    {"docker", "Docker"},
    {"e2b", "E2B"},
    {"firecracker", "Firecracker"},
    {"hyperlight", "Hyperlight"},
    {"kubernetes", "Kubernetes"},
    {"modal", "Modal"},
    {"native", "Native"},
    {"nomad", "Nomad"},
    {"podman", "Podman"},
    {"runloop", "Runloop"},
});

json backendName(const std::string& backend) {
  const auto* known = std::ranges::find(kBackends, std::string_view(backend),
                                        &decltype(kBackends)::value_type::first);
  return known != kBackends.end() ? json(known->second) : backend.empty() ? json() : json(backend);
}

json orNull(std::string_view text) {
  return text.empty() ? json() : json(text);
}

// What SandboxState always has, and what stands there when nothing is to be said.
json emptyState() {
  json body = json::object();
  for (const char* key : {"remote_id", "remote_namespace", "workspace_revision", "work_dir",
                          "git_worktree", "config_path", "tenant_id", "ssh_host_port", "agent",
                          "proxy_port", "owner_org_id", "owner_user_id"}) {
    body[key] = nullptr;
  }
  for (const char* key :
       {"ports", "volumes", "secret_bindings", "secret_files", "post_create_commands"}) {
    body[key] = json::array();
  }
  for (const char* key : {"ssh_enabled", "placeholder_secrets", "post_create_completed"}) {
    body[key] = false;
  }
  return body;
}

json pairsOf(const std::vector<std::string>& environment) {
  json pairs = json::array();
  for (const std::string& entry : environment) {
    const std::size_t equals = std::min(entry.find('='), entry.size());
    pairs.push_back({entry.substr(0, equals), entry.substr(std::min(equals + 1, entry.size()))});
  }
  return pairs;
}

json thresholdsOf(const LifecyclePolicy& policy) {
  json body = toJson(policy);
  for (auto at = body.begin(); at != body.end();) {
    at = at->is_null() ? body.erase(at) : std::next(at);
  }
  return body;
}

void putLifetime(json& body, const Lifetime& lifetime) {
  body["ttl_seconds"] = lifetime.ttl_seconds ? json(*lifetime.ttl_seconds) : json();
  body["expires_at"] = orNull(lifetime.expires_at);
  body["last_activity_at"] = orNull(lifetime.last_activity_at);
  body["archived_at"] = orNull(lifetime.archived_at);
  body["archived_reason"] = orNull(lifetime.archived_reason);
  body["dormant_at"] = orNull(lifetime.dormant_at);
  body["dormant_reason"] = orNull(lifetime.dormant_reason);
  if (!lifetime.policy.empty()) {
    body["lifecycle_policy"] = thresholdsOf(lifetime.policy);
  }
}

void putLabels(json& body, const Labels& labels) {
  for (const auto& [key, value] : labels) {
    body["labels"][key] = value;
  }
}

// Without a host port: to be chosen. Only one that runs has one that was.
json portsOf(const std::vector<PortMapping>& ports, SandboxStatus status) {
  json list = json::array();
  for (const PortMapping& port : ports) {
    const bool known = port.host != 0 && (!port.automatic || status == SandboxStatus::Running);
    list.push_back({{"host_address", port.address},
                    {"host_port", known ? json(port.host) : json()},
                    {"container_port", port.container},
                    {"protocol", name(port.protocol)}});
  }
  return list;
}

void putOurs(json& body, const SandboxRecord& record, SandboxStatus status) {
  body["status"] = name(status);
  body["permissions"] = toJson(record.permissions);
  body["image_digest"] = orNull(record.image_digest);
  body["user"] = orNull(record.user);
  body["stop_reason"] = orNull(record.stop_reason);
  body["pid"] = status == SandboxStatus::Running ? json(record.pid) : json();
  json& limits = body["limits"] = json::array();
  for (const EnforcedLimit& limit : record.limits) {
    limits.push_back({{"name", limit.name}, {"by", limit.by}, {"remedy", limit.remedy}});
  }
}

}  // namespace

json sandboxState(const SandboxRecord& record, SandboxStatus status) {
  json body = emptyState();
  if (const auto aside = parseJsonObject(record.kept_aside)) {
    body.update(*aside);
  }
  const Limits& limits = record.permissions.limits;
  body["uuid"] = record.uuid;
  body["name"] = record.name;
  body["image"] = record.image;
  body["vcpus"] = (limits.cpu_percent + 99) / 100;
  body["memory_mb"] = limits.memory_bytes >> 20U;
  body["vsock_cid"] = record.vsock_cid;
  body["created_at"] =
      record.created_as.empty() ? formatTime(record.created_at) : record.created_as;
  body["backend"] = backendName(record.backend);
  if (!record.workspace_path.empty()) {
    body["work_dir"] = record.workspace_path;
  }
  body["container_work_dir"] = orNull(record.workdir);
  body["init_script"] = orNull(record.init_script);
  for (const VolumeMount& volume : record.volumes) {
    body["volumes"].push_back(mountText(volume));
  }
  if (!record.ports.empty()) {
    body["ports"] = portsOf(record.ports, status);
  }
  body["environment"] = pairsOf(record.environment);
  body["created_from_template"] = orNull(record.created_from_template);
  body["template_help_text"] = orNull(record.template_help_text);
  body["description"] = orNull(record.description);
  putLabels(body, record.labels);
  putLifetime(body, record.lifetime);
  putOurs(body, record, status);
  return body;
}

}  // namespace ak::model
