// POST /state/import
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "model/json_fields.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

json toJson(const manager::StateImported& done) {
  json body = {{"dry_run", done.dry_run},
               {"imported", json::array()},
               {"skipped", json::array()},
               {"refused", json::array()}};
  for (const auto& sandbox : done.imported) {
    body["imported"].push_back({{"name", sandbox.name},
                                {"uuid", sandbox.uuid},
                                {"backend", sandbox.backend},
                                {"notes", sandbox.notes}});
  }
  for (const auto& skipped : done.skipped) {
    body["skipped"].push_back({{"name", skipped.name}, {"reason", skipped.reason}});
  }
  for (const auto& refused : done.refused) {
    json& item = body["refused"].emplace_back(json::value_t::object);
    putText(item, "file", refused.file);
    item["reason"] = refused.reason;
    if (!refused.remedy.empty()) {
      item["remedy"] = refused.remedy;
    }
    if (!refused.kept_as.empty()) {
      putText(item, "kept_as", refused.kept_as);
    }
  }
  return body;
}

}  // namespace

Task<Result<HttpResponse>> importState(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  model::JsonFields fields(body, "");
  manager::StateImportRequest request;
  fields.string("path", request.directory);
  fields.boolean("dry_run", request.dry_run);
  AK_CO_TRY(std::move(fields).status());
  const auto done = co_await call.manager.importState(call.caller, std::move(request));
  if (!done) {
    co_return std::unexpected(done.error());
  }
  co_return success(toJson(*done));
}

}  // namespace ak::api
