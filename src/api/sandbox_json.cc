#include "api/sandbox_json.h"

#include <nlohmann/json.hpp>

#include "model/notes_json.h"
#include "model/run_request_json.h"

namespace ak::api {

using nlohmann::json;

json toJson(const std::vector<model::EnforcedLimit>& limits) {
  json list = json::array();
  for (const model::EnforcedLimit& limit : limits) {
    json& item = list.emplace_back(json::value_t::object);
    item["name"] = limit.name;
    item["by"] = limit.by;
    if (!limit.remedy.empty()) {
      item["remedy"] = limit.remedy;
    }
  }
  return list;
}

json toJson(const std::vector<model::Change>& changes) {
  json list = json::array();
  for (const model::Change& change : changes) {
    list.push_back(model::toJson(change));
  }
  return list;
}

json toJson(const manager::Phases& phases) {
  return {{"resolved_us", phases.resolved},
          {"claimed_us", phases.claimed},
          {"started_us", phases.started},
          {"exited_us", phases.exited},
          {"finished_us", phases.finished}};
}

namespace {

// A port that was chosen is a fact of the running sandbox only.
void putPorts(json& body, const manager::SandboxView& view) {
  const bool runs = view.status == model::SandboxStatus::Running;
  for (const model::PortMapping& port : view.record.ports) {
    body["ports"].push_back(runs ? model::toText(port) : model::askedText(port));
  }
  if (!view.port_problems.empty()) {
    body["port_problems"] = view.port_problems;
  }
}

void putNotes(json& body, const model::SandboxRecord& record) {
  if (!record.labels.empty()) {
    body["labels"] = record.labels;
  }
  const model::Lifetime& lifetime = record.lifetime;
  const std::pair<const char*, const std::string&> texts[] = {
      {"description", record.description},
      {"created_from_template", record.created_from_template},
      {"template_help_text", record.template_help_text},
      {"expires_at", lifetime.expires_at},
      {"last_activity_at", lifetime.last_activity_at},
      {"archived_at", lifetime.archived_at},
      {"archived_reason", lifetime.archived_reason},
      {"dormant_at", lifetime.dormant_at},
      {"dormant_reason", lifetime.dormant_reason}};
  for (const auto& [key, text] : texts) {
    if (!text.empty()) {
      body[key] = text;
    }
  }
  if (lifetime.ttl_seconds) {
    body["ttl_seconds"] = *lifetime.ttl_seconds;
  }
  if (!lifetime.policy.empty()) {
    body["lifecycle"] = model::toJson(lifetime.policy);
  }
}

}  // namespace

json toJson(const manager::SandboxView& view) {
  const model::SandboxRecord& record = view.record;
  const model::Limits& limits = record.permissions.limits;
  // Member by member: an initializer list would copy each of them twice.
  json body = json::object();
  body["name"] = record.name;
  body["uuid"] = record.uuid;
  body["status"] = name(view.status);
  body["backend"] = record.backend;
  body["image"] = record.image;
  body["created_at"] =
      record.created_as.empty() ? formatTime(record.created_at) : record.created_as;
  body["placeholder_secrets"] = false;
  body["image_digest"] = record.image_digest;
  body["profile"] = name(record.permissions.profile);
  body["network"] = name(record.permissions.network);
  body["limits"] = toJson(record.limits);
  if (limits.cpu_percent != 0) {
    body["vcpus"] = (limits.cpu_percent + 99) / 100;
    body["cpu_percent"] = limits.cpu_percent;
  }
  if (limits.memory_bytes != 0) {
    body["memory_mb"] = limits.memory_bytes >> 20U;
  }
  if (limits.pids != 0) {
    body["pids"] = limits.pids;
  }
  if (limits.disk_bytes != 0) {
    body["disk_bytes"] = limits.disk_bytes;
  }
  if (!record.workdir.empty()) {
    body["workdir"] = record.workdir;
  }
  if (!record.user.empty()) {
    body["user"] = record.user;
  }
  if (!record.init_script.empty()) {
    body["init_script"] = record.init_script;
  }
  if (record.permissions.workspace != model::WorkspaceMode::None) {
    body["workspace"] = {{"path", record.workspace_path},
                         {"mode", name(record.permissions.workspace)}};
  }
  for (const model::VolumeMount& volume : record.volumes) {
    body["volumes"].push_back(model::mountText(volume));
  }
  if (!record.stop_reason.empty()) {
    body["stop_reason"] = record.stop_reason;
  }
  if (view.status == model::SandboxStatus::Running) {
    body["pid"] = record.pid;
  }
  putPorts(body, view);
  putNotes(body, record);
  return body;
}

}  // namespace ak::api
