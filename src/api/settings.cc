// The owner's settings: POST and DELETE /trust, GET /config.
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "base/text.h"
#include "manager/settings_desk.h"
#include "model/base64.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

Result<std::string> textField(const json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end() || !found->is_string()) {
    return fail(ErrorCode::InvalidArgument, cat("Invalid JSON: '", key, "' must be a string"),
                "docs/api.md lists the fields.");
  }
  return found->get<std::string>();
}

}  // namespace

Task<Result<HttpResponse>> postTrust(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  manager::SettingsDesk::ProjectFile file;
  file.path = AK_CO_TRY(textField(body, "path"));
  const std::string encoded = AK_CO_TRY(textField(body, "content"));
  auto content = model::fromBase64(encoded);
  if (!content) {
    co_return fail(ErrorCode::InvalidArgument, "Invalid JSON: 'content' is not base64",
                   "Send the file's bytes as padded base64.");
  }
  file.content = std::move(*content);
  manager::Auditor& auditor = call.context.auditor;
  AK_CO_TRY(auditor.ready());
  const std::string path = file.path;
  const auto grant = co_await call.context.settings.trust(call.caller, std::move(file));
  if (!grant) {
    auditor.refused(call.caller, {"trust", {}, {}, nullptr, path}, grant.error());
    co_return std::unexpected(grant.error());
  }
  auditor.record(auditor.about(audit::Kind::PermissionGranted, call.caller)
                     .text("permission", "project_trust")
                     .text("path", grant->project.directory, audit::Event::kMaxPath)
                     .text("sha256", grant->project.sha256));
  co_return success({{"directory", grant->project.directory},
                     {"sha256", grant->project.sha256},
                     {"granted_at", grant->granted_at}});
}

Task<Result<HttpResponse>> deleteTrust(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  const std::string path = AK_CO_TRY(textField(body, "path"));
  manager::Auditor& auditor = call.context.auditor;
  AK_CO_TRY(auditor.ready());
  const Status revoked = co_await call.context.settings.revoke(call.caller, path);
  if (!revoked) {
    auditor.refused(call.caller, {"revoke_trust", {}, {}, nullptr, path}, revoked.error());
    co_return std::unexpected(revoked.error());
  }
  auditor.record(auditor.about(audit::Kind::PermissionRevoked, call.caller)
                     .text("permission", "project_trust")
                     .text("path", path, audit::Event::kMaxPath));
  co_return success("Trust taken back");
}

Task<Result<HttpResponse>> getConfig(Call& call) {
  const std::string* directory = call.request().queryValue("directory");
  const std::string* origin = call.request().queryValue("origin");
  const bool with_origin = origin != nullptr && *origin == "true";
  const auto lines = co_await call.context.settings.show(
      call.caller, directory != nullptr ? *directory : std::string());
  if (!lines) {
    co_return std::unexpected(lines.error());
  }
  json list = json::array();
  for (const policy::Provenance& line : *lines) {
    json item = {{"key", line.key}};
    putText(item, "value", line.value);
    if (with_origin) {
      putText(item, "origin", line.origin);
    }
    list.push_back(std::move(item));
  }
  co_return success(list);
}

}  // namespace ak::api
