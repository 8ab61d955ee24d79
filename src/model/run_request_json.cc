#include "model/run_request_json.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/base64.h"
#include "model/json_fields.h"
#include "model/limits_json.h"
#include "model/notes_json.h"

namespace ak::model {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxFiles = 256;
constexpr std::uint64_t kAnyNumber = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMaxTimeoutMs = 366ULL * 24 * 3600 * 1000;

// The parts that both requests have; written once so that they stay the same.
template <typename Request>
void putCommon(json& body, const Request& request) {
  body["command"] = request.command;
  if (!request.environment.empty()) {
    body["env"] = request.environment;
  }
  if (!request.workdir.empty()) {
    body["workdir"] = request.workdir;
  }
  if (!request.user.empty()) {
    body["user"] = request.user;
  }
  if (request.timeout) {
    body["timeout_ms"] = request.timeout->count();
  }
  if (request.terminal) {
    body["tty"] = {{"rows", request.window.rows}, {"columns", request.window.columns}};
  }
  if (request.stdin_open) {
    body["stdin"] = true;
  }
}

template <typename Request>
void readCommon(JsonFields& fields, Request& request) {
  fields.strings("command", request.command);
  fields.strings("env", request.environment);
  fields.string("workdir", request.workdir);
  fields.string("user", request.user);
  std::optional<std::uint64_t> timeout;
  fields.number("timeout_ms", timeout, kMaxTimeoutMs);
  if (timeout) {
    request.timeout = std::chrono::milliseconds(*timeout);
  }
  fields.boolean("stdin", request.stdin_open);
  const json* tty = fields.find("tty");
  if (tty == nullptr) {
    return;
  }
  if (tty->is_boolean()) {
    request.terminal = tty->get<bool>();
    return;
  }
  if (auto window = fields.object("tty")) {
    request.terminal = true;
    window->number("rows", request.window.rows, 10000);
    window->number("columns", request.window.columns, 10000);
    fields.adopt(*window);
  }
}

void readPorts(JsonFields& fields, std::vector<PortMapping>& ports) {
  if (fields.find("ports") == nullptr) {
    return;  // null too, as other versions of this API send it
  }
  std::vector<std::string> texts;
  fields.strings("ports", texts);
  for (const std::string& text : texts) {
    if (auto mapping = parsePortMapping(text)) {
      ports.push_back(*std::move(mapping));
    } else {
      fields.reject(std::move(mapping).error());
      return;
    }
  }
}

template <typename T>
void readWord(JsonFields& fields,
              std::string_view key,
              Result<T> (*parse)(std::string_view),
              std::optional<T>& out) {
  std::string word;
  fields.string(key, word);
  if (word.empty()) {
    return;
  }
  if (auto value = parse(word)) {
    out = *value;
  } else {
    fields.reject(std::move(value).error().context(key));
  }
}

void readFiles(JsonFields& fields, std::vector<FileInjection>& files) {
  const std::vector<JsonFields> items = fields.objects("files", kMaxFiles);
  for (JsonFields item : items) {
    FileInjection file;
    item.string("path", file.path);
    item.number("mode", file.mode, 07777);
    std::string content;
    item.string("content", content);
    if (auto bytes = fromBase64(content)) {
      file.content = *std::move(bytes);
    } else {
      item.rejectType("content", "base64");
    }
    fields.adopt(item);
    files.push_back(std::move(file));
  }
}

void readVolumes(JsonFields& fields, std::vector<VolumeMount>& volumes) {
  std::vector<std::string> words;
  fields.strings("volumes", words);
  for (const std::string& word : words) {
    if (auto volume = parseVolumeMount(word)) {
      volumes.push_back(*std::move(volume));
    } else {
      fields.reject(std::move(volume).error().context("volumes"));
    }
  }
}

}  // namespace

json toJson(const RunRequest& request) {
  json body = json::object();
  putCommon(body, request);
  if (!request.image.empty()) {
    body["image"] = request.image;
  }
  if (request.profile) {
    body["profile"] = name(*request.profile);
  }
  if (request.network) {
    body["network"] = name(*request.network);
  }
  putLimits(body, request);
  if (!request.host_environment.empty()) {
    body["host_env"] = request.host_environment;
  }
  if (!request.name.empty()) {
    body["name"] = request.name;
  }
  if (request.keep) {
    body["keep"] = true;
  }
  if (request.detach) {
    body["detach"] = true;
  }
  if (!request.fast) {
    body["fast"] = false;
  }
  if (request.want_changes) {
    body["changes"] = true;
  }
  for (const FileInjection& file : request.files) {
    body["files"].push_back(
        {{"path", file.path}, {"content", toBase64(file.content)}, {"mode", file.mode}});
  }
  if (request.workspace != WorkspaceRequest{}) {
    json& workspace = body["workspace"] = json::object();
    if (!request.workspace.path.empty()) {
      workspace["path"] = request.workspace.path;
    }
    if (request.workspace.inode != 0) {
      workspace["device"] = request.workspace.device;
      workspace["inode"] = request.workspace.inode;
    }
    if (request.workspace.mode) {
      workspace["mode"] = name(*request.workspace.mode);
    }
    if (!request.workspace.granted.empty()) {
      workspace["granted"] = request.workspace.granted;
    }
  }
  if (request.project) {
    body["project"] = {{"path", request.project->path},
                       {"content", toBase64(request.project->content)}};
  }
  if (!request.init_script.empty()) {
    body["init_script"] = request.init_script;
  }
  for (const VolumeMount& volume : request.volumes) {
    body["volumes"].push_back(mountText(volume));
  }
  for (const PortMapping& mapping : request.ports) {
    body["ports"].push_back(toText(mapping));
  }
  putNotes(body, request.notes);
  return body;
}

Result<RunRequest> runRequestFromJson(const json& body) {
  JsonFields fields(body, "");
  RunRequest request;
  readCommon(fields, request);
  fields.string("image", request.image);
  readWord(fields, "profile", parseProfile, request.profile);
  if (const json* network = fields.find("network"); network != nullptr && network->is_boolean()) {
    // Upstream's spelling: true is a proxied network, which is none until there is a proxy.
    request.network = network->get<bool>() ? NetworkMode::Proxy : NetworkMode::None;
  } else {
    readWord(fields, "network", parseNetworkMode, request.network);
  }
  readLimits(fields, request);
  fields.strings("host_env", request.host_environment);
  fields.string("name", request.name);
  fields.boolean("keep", request.keep);
  fields.boolean("detach", request.detach);
  fields.boolean("fast", request.fast);
  fields.boolean("changes", request.want_changes);
  readFiles(fields, request.files);
  if (auto workspace = fields.object("workspace")) {
    workspace->string("path", request.workspace.path);
    workspace->number("device", request.workspace.device, kAnyNumber);
    workspace->number("inode", request.workspace.inode, kAnyNumber);
    readWord(*workspace, "mode", parseWorkspaceMode, request.workspace.mode);
    workspace->strings("granted", request.workspace.granted);
    fields.adopt(*workspace);
  }
  if (auto project = fields.object("project")) {
    ProjectFile file;
    project->string("path", file.path);
    std::string content;
    project->string("content", content);
    if (auto bytes = fromBase64(content)) {
      file.content = *std::move(bytes);
    } else {
      project->rejectType("content", "base64");
    }
    fields.adopt(*project);
    request.project = std::move(file);
  }
  fields.string("init_script", request.init_script);
  readVolumes(fields, request.volumes);
  readPorts(fields, request.ports);
  readNotes(fields, request.notes);
  if (auto status = std::move(fields).status(); !status) {
    return std::unexpected(std::move(status).error());
  }
  return request;
}

json toJson(const ExecRequest& request) {
  json body = json::object();
  putCommon(body, request);
  if (request.sudo) {
    body["sudo"] = true;
  }
  return body;
}

Result<ExecRequest> execRequestFromJson(const json& body) {
  JsonFields fields(body, "");
  ExecRequest request;
  readCommon(fields, request);
  fields.boolean("sudo", request.sudo);
  if (auto status = std::move(fields).status(); !status) {
    return std::unexpected(std::move(status).error());
  }
  return request;
}

json toJson(const AttachRequest& request) {
  json body = toJson(request.start);
  if (!request.session.empty()) {
    body["session"] = request.session;
    body.erase("command");
  }
  return body;
}

Result<AttachRequest> attachRequestFromJson(const json& body) {
  AttachRequest request;
  request.start = AK_TRY(execRequestFromJson(body));
  request.start.terminal = true;
  request.start.stdin_open = true;
  JsonFields fields(body, "");
  fields.string("session", request.session);
  AK_TRY(std::move(fields).status());
  ExecRequest nothing{.terminal = true, .window = request.start.window, .stdin_open = true};
  if (!request.session.empty() && request.start != nothing) {
    return fail(ErrorCode::InvalidArgument,
                "a session that is there has its command, variables, directory and user",
                "Leave them away, or 'session' for a new one.");
  }
  return request;
}

}  // namespace ak::model
