#include "store/sandbox_record_json.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/notes_json.h"
#include "model/permissions_json.h"

namespace ak::store {

using nlohmann::json;

namespace {

// Reads members of one object; the first wrong type is remembered and ends the reading.
class Reader {
 public:
  explicit Reader(const json& object, std::string where)
      : object_(object), where_(std::move(where)) {
    if (!object.is_object()) {
      error_ = Error::make(ErrorCode::Internal, cat(where_, " is not an object"));
    }
  }

  template <typename T>
  void read(const char* key, T& value) {
    if (failed()) {
      return;
    }
    const auto at = object_.find(key);
    if (at == object_.end() || at->is_null()) {
      return;
    }
    try {
      value = at->get<T>();
    } catch (const json::exception&) {
      error_ = Error::make(ErrorCode::Internal, cat(where_, ".", key, " has the wrong type"));
    }
  }

  template <typename T>
  void read(const char* key, std::optional<T>& value) {
    T inner{};
    read(key, inner);
    if (!failed() && object_.contains(key) && !object_.at(key).is_null()) {
      value = inner;
    }
  }

  template <typename T, typename Parse>
  void readWord(const char* key, T& value, Parse parse) {
    std::string word;
    read(key, word);
    if (failed() || word.empty()) {
      return;
    }
    Result<T> parsed = parse(word);
    if (parsed) {
      value = *parsed;
    } else {
      error_ = std::move(parsed).error().context(cat(where_, ".", key));
    }
  }

  json member(const char* key) const {
    return failed() || !object_.contains(key) ? json::object() : object_.at(key);
  }

  bool failed() const { return error_.has_value(); }

  void absorb(const Reader& inner) {
    if (!error_) {
      error_ = inner.error_;
    }
  }

  Error error() const { return *error_; }

 private:
  const json& object_;
  std::string where_;
  std::optional<Error> error_;
};

void readLimits(Reader& outer, const json& body, model::Limits& limits) {
  Reader in(body, "limits");
  in.read("memory_bytes", limits.memory_bytes);
  in.read("cpu_percent", limits.cpu_percent);
  in.read("pids", limits.pids);
  in.read("disk_bytes", limits.disk_bytes);
  in.read("explicit_memory", limits.explicit_memory);
  in.read("explicit_cpu", limits.explicit_cpu);
  in.read("explicit_pids", limits.explicit_pids);
  in.read("explicit_disk", limits.explicit_disk);
  outer.absorb(in);
}

void readPermissions(Reader& outer, const json& body, model::Permissions& permissions) {
  Reader in(body, "permissions");
  in.readWord("profile", permissions.profile, model::parseProfile);
  in.readWord("network", permissions.network, model::parseNetworkMode);
  in.readWord("workspace", permissions.workspace, model::parseWorkspaceMode);
  in.readWord("seccomp", permissions.seccomp, model::parseSeccompSet);
  in.read("read_only_root", permissions.read_only_root);
  in.read("pass_environment", permissions.pass_environment);
  in.read("capabilities", permissions.capabilities);
  readLimits(in, in.member("limits"), permissions.limits);
  outer.absorb(in);
}

json portsToJson(const std::vector<model::PortMapping>& ports) {
  json list = json::array();
  for (const model::PortMapping& mapping : ports) {
    list.push_back({{"asked", model::askedText(mapping)}, {"host", mapping.host}});
  }
  return list;
}

void readPorts(Reader& outer, const json& list, std::vector<model::PortMapping>& ports) {
  if (!list.is_array()) {
    return;  // an older row
  }
  for (const json& entry : list) {
    Reader in(entry, "ports[]");
    model::PortMapping mapping;
    std::uint16_t host = 0;
    in.readWord("asked", mapping, model::parsePortMapping);
    in.read("host", host);
    outer.absorb(in);
    if (mapping.automatic) {
      mapping.host = host;
    }
    ports.push_back(std::move(mapping));
  }
}

json lifetimeToJson(const model::Lifetime& lifetime) {
  json body = {
      {"expires_at", lifetime.expires_at},       {"last_activity_at", lifetime.last_activity_at},
      {"archived_at", lifetime.archived_at},     {"archived_reason", lifetime.archived_reason},
      {"dormant_at", lifetime.dormant_at},       {"dormant_reason", lifetime.dormant_reason},
      {"policy", model::toJson(lifetime.policy)}};
  if (lifetime.ttl_seconds) {
    body["ttl_seconds"] = *lifetime.ttl_seconds;
  }
  return body;
}

void readLifetime(Reader& outer, const json& body, model::Lifetime& lifetime) {
  Reader in(body, "lifetime");
  in.read("ttl_seconds", lifetime.ttl_seconds);
  in.read("expires_at", lifetime.expires_at);
  in.read("last_activity_at", lifetime.last_activity_at);
  in.read("archived_at", lifetime.archived_at);
  in.read("archived_reason", lifetime.archived_reason);
  in.read("dormant_at", lifetime.dormant_at);
  in.read("dormant_reason", lifetime.dormant_reason);
  const json policy = in.member("policy");
  Reader policy_in(policy, "lifetime.policy");
  policy_in.read("auto_stop_after_seconds", lifetime.policy.auto_stop_after_seconds);
  policy_in.read("auto_archive_after_seconds", lifetime.policy.auto_archive_after_seconds);
  policy_in.read("auto_delete_after_seconds", lifetime.policy.auto_delete_after_seconds);
  in.absorb(policy_in);
  outer.absorb(in);
}

json volumesToJson(const std::vector<model::VolumeMount>& volumes) {
  json list = json::array();
  for (const model::VolumeMount& volume : volumes) {
    list.push_back({{"mount", model::mountText(volume)}, {"uuid", volume.uuid}});
  }
  return list;
}

void readVolumes(Reader& outer, const json& body, std::vector<model::VolumeMount>& volumes) {
  const json list = outer.failed() ? json::array() : body.value("volumes", json::array());
  for (const json& entry : list) {
    Reader in(entry, "volumes[]");
    model::VolumeMount volume;
    in.readWord("mount", volume, model::parseVolumeMount);
    in.read("uuid", volume.uuid);
    outer.absorb(in);
    volumes.push_back(std::move(volume));
  }
}

}  // namespace

json recordToJson(const model::SandboxRecord& record) {
  json limits = json::array();
  for (const model::EnforcedLimit& limit : record.limits) {
    limits.push_back({{"name", limit.name}, {"by", limit.by}, {"remedy", limit.remedy}});
  }
  return {{"uuid", record.uuid},
          {"name", record.name},
          {"image", record.image},
          {"image_digest", record.image_digest},
          {"backend", record.backend},
          {"permissions", model::toJson(record.permissions)},
          {"environment", record.environment},
          {"workdir", record.workdir},
          {"user", record.user},
          {"workspace_path", record.workspace_path},
          {"workspace_masks", record.workspace_masks},
          {"protected_paths", record.protected_paths},
          {"ids", {{"base", record.ids.base}, {"count", record.ids.count}}},
          {"init_script", record.init_script},
          {"volumes", volumesToJson(record.volumes)},
          {"ports", portsToJson(record.ports)},
          {"layers", record.layers},
          {"workspace_layers", record.workspace_layers},
          {"freezing", record.freezing},
          {"one_shot", record.one_shot},
          {"created_at", formatTime(record.created_at)},
          {"labels", record.labels},
          {"description", record.description},
          {"lifetime", lifetimeToJson(record.lifetime)},
          {"pid", record.pid},
          {"start_ticks", record.start_ticks},
          {"boot_id", record.boot_id},
          {"epoch", record.epoch},
          {"limits", std::move(limits)},
          {"stop_reason", record.stop_reason},
          {"vsock_cid", record.vsock_cid},
          {"created_from_template", record.created_from_template},
          {"template_help_text", record.template_help_text},
          {"created_as", record.created_as},
          {"kept_aside", record.kept_aside}};
}

Result<model::SandboxRecord> recordFromJson(const json& body) {
  model::SandboxRecord record;
  Reader in(body, "sandbox");
  std::string created_at;
  in.read("uuid", record.uuid);
  in.read("name", record.name);
  in.read("image", record.image);
  in.read("image_digest", record.image_digest);
  in.read("backend", record.backend);
  readPermissions(in, in.member("permissions"), record.permissions);
  in.read("environment", record.environment);
  in.read("workdir", record.workdir);
  in.read("user", record.user);
  in.read("workspace_path", record.workspace_path);
  in.read("workspace_masks", record.workspace_masks);
  in.read("protected_paths", record.protected_paths);
  const json ids = in.member("ids");
  Reader ids_in(ids, "ids");
  ids_in.read("base", record.ids.base);
  ids_in.read("count", record.ids.count);
  in.absorb(ids_in);
  in.read("init_script", record.init_script);
  readVolumes(in, body, record.volumes);
  readPorts(in, in.member("ports"), record.ports);
  in.read("layers", record.layers);
  in.read("workspace_layers", record.workspace_layers);
  in.read("freezing", record.freezing);
  in.read("one_shot", record.one_shot);
  in.read("created_at", created_at);
  in.read("labels", record.labels);
  in.read("description", record.description);
  readLifetime(in, in.member("lifetime"), record.lifetime);
  in.read("pid", record.pid);
  in.read("start_ticks", record.start_ticks);
  in.read("boot_id", record.boot_id);
  in.read("epoch", record.epoch);
  in.read("stop_reason", record.stop_reason);
  in.read("vsock_cid", record.vsock_cid);
  in.read("created_from_template", record.created_from_template);
  in.read("template_help_text", record.template_help_text);
  in.read("created_as", record.created_as);
  in.read("kept_aside", record.kept_aside);
  const json limits = in.failed() ? json::array() : body.value("limits", json::array());
  for (const json& entry : limits) {
    model::EnforcedLimit limit;
    Reader limit_in(entry, "limits[]");
    limit_in.read("name", limit.name);
    limit_in.read("by", limit.by);
    limit_in.read("remedy", limit.remedy);
    in.absorb(limit_in);
    record.limits.push_back(std::move(limit));
  }
  if (in.failed()) {
    return std::unexpected(in.error());
  }
  if (record.uuid.empty() || record.name.empty()) {
    return fail(ErrorCode::Internal, "sandbox record without uuid or name");
  }
  record.created_at = parseTime(created_at).value_or(WallTime{});
  return record;
}

}  // namespace ak::store
