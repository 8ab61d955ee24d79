// What a guest wrote in its copy-on-write workspace: look, take, drop.
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "api/sandbox_json.h"
#include "model/json_fields.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

struct Selection {
  std::vector<std::string> paths;  // none: all
  bool force = false;
};

Result<Selection> readSelection(std::string_view text) {
  const json body = AK_TRY(parseBody(text));
  model::JsonFields fields(body, "");
  Selection selection;
  fields.strings("paths", selection.paths);
  fields.boolean("force", selection.force);
  if (Status status = std::move(fields).status(); !status) {
    return std::unexpected(std::move(status).error());
  }
  return selection;
}

// Every ?path=, as often as it is given.
std::vector<std::string> pathsOf(const net::HttpRequest& request) {
  std::vector<std::string> paths;
  for (const auto& [key, value] : request.query) {
    if (key == "path") {
      paths.push_back(value);
    }
  }
  return paths;
}

}  // namespace

Task<Result<HttpResponse>> getChanges(Call& call) {
  const auto changes = co_await call.manager.changes(call.params[0], pathsOf(call.request()));
  if (!changes) {
    co_return std::unexpected(changes.error());
  }
  co_return success({{"changes", toJson(*changes)}});
}

Task<Result<HttpResponse>> getDiff(Call& call) {
  const auto diff = co_await call.manager.diff(call.params[0], pathsOf(call.request()));
  if (!diff) {
    co_return std::unexpected(diff.error());
  }
  json body = json::object();
  putText(body, "diff", *diff);
  co_return success(body);
}

Task<Result<HttpResponse>> applyChanges(Call& call) {
  Selection selection = AK_CO_TRY(readSelection(call.request().body));
  const auto force = selection.force ? manager::ApplyForce::Yes : manager::ApplyForce::No;
  const auto applied =
      co_await call.manager.apply(call.params[0], std::move(selection.paths), force);
  if (!applied) {
    co_return std::unexpected(applied.error());
  }
  co_return success({{"applied", toJson(*applied)}});
}

Task<Result<HttpResponse>> discardChanges(Call& call) {
  Selection selection = AK_CO_TRY(readSelection(call.request().body));
  const Status dropped = co_await call.manager.discard(call.params[0], std::move(selection.paths));
  if (!dropped) {
    co_return std::unexpected(dropped.error());
  }
  co_return success("Changes discarded");
}

}  // namespace ak::api
