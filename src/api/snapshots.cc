// Snapshots and forks: /snapshots and below, POST /sandboxes/{name}/fork.
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "api/sandbox_json.h"
#include "base/text.h"
#include "model/json_fields.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

// The shape that other versions of this API have, and what ours has more of.
json toJson(const model::SnapshotRecord& snapshot) {
  const model::SandboxRecord& source = snapshot.source;
  const model::Limits& limits = source.permissions.limits;
  json body = {{"name", snapshot.name},
               {"sandbox", source.name},
               {"sandbox_uuid", source.uuid},
               {"image_tag", cat("agentkernel-snap:", snapshot.name)},
               {"base_image", source.image},
               {"image_digest", source.image_digest},
               {"backend", source.backend},
               {"profile", name(source.permissions.profile)},
               {"vcpus", (limits.cpu_percent + 99) / 100},
               {"memory_mb", limits.memory_bytes >> 20U},
               {"created_at", formatTime(snapshot.created_at)},
               {"layers", source.layers.size()}};
  if (!source.labels.empty()) {
    body["labels"] = source.labels;
  }
  if (!source.description.empty()) {
    body["description"] = source.description;
  }
  return body;
}

void putPause(json& body, const manager::Pause& pause) {
  if (pause) {
    body["pause_ms"] = static_cast<double>(pause->count()) / 1000;
  }
}

struct Wish {
  std::string name;
  bool start = false;
};

Result<Wish> readWish(std::string_view text) {
  const json body = AK_TRY(parseBody(text));
  model::JsonFields fields(body, "");
  Wish wish;
  fields.string("as_name", wish.name);
  fields.boolean("start", wish.start);
  AK_TRY(std::move(fields).status());
  return wish;
}

// A sandbox that was just made, started if that was asked for. One that cannot be started is there
// all the same, and the error says so.
Task<Result<manager::SandboxView>> shown(Call& call, std::string name, bool start) {
  if (!start) {
    co_return co_await call.manager.get(std::move(name));
  }
  Result<manager::SandboxView> started = co_await call.manager.start(name);
  if (!started) {
    Error error = std::move(started).error();
    co_return std::unexpected(
        std::move(error).context(cat("sandbox '", name, "' was made, but starting it failed")));
  }
  co_return started;
}

}  // namespace

Task<Result<HttpResponse>> listSnapshots(Call& call) {
  json list = json::array();
  for (const auto& snapshot : co_await call.manager.snapshots().list()) {
    list.push_back(toJson(snapshot));
  }
  co_return success(list);
}

Task<Result<HttpResponse>> takeSnapshot(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  model::JsonFields fields(body, "");
  std::string sandbox;
  std::string name;
  fields.string("sandbox", sandbox);
  fields.string("name", name);
  AK_CO_TRY(std::move(fields).status());
  if (sandbox.empty()) {
    co_return fail(ErrorCode::InvalidArgument, "'sandbox' is required",
                   "Name the sandbox that the snapshot is to be taken of.");
  }
  const auto taken = co_await call.manager.snapshots().take(std::move(sandbox), std::move(name));
  if (!taken) {
    co_return std::unexpected(taken.error());
  }
  json answer = toJson(taken->snapshot);
  putPause(answer, taken->pause);
  co_return success(answer);
}

Task<Result<HttpResponse>> getSnapshot(Call& call) {
  const auto snapshot = co_await call.manager.snapshots().get(call.params[0]);
  if (!snapshot) {
    co_return std::unexpected(snapshot.error());
  }
  co_return success(toJson(*snapshot));
}

Task<Result<HttpResponse>> removeSnapshot(Call& call) {
  const Status removed = co_await call.manager.snapshots().remove(call.params[0]);
  if (!removed) {
    co_return std::unexpected(removed.error());
  }
  co_return success("Snapshot deleted");
}

Task<Result<HttpResponse>> restoreSnapshot(Call& call) {
  Wish wish = AK_CO_TRY(readWish(call.request().body));
  const auto made = co_await call.manager.snapshots().restore(call.params[0], std::move(wish.name));
  if (!made) {
    co_return std::unexpected(made.error());
  }
  const auto view = co_await shown(call, made->record.name, wish.start);
  if (!view) {
    co_return std::unexpected(view.error());
  }
  co_return success(toJson(*view));
}

Task<Result<HttpResponse>> forkSandbox(Call& call) {
  Wish wish = AK_CO_TRY(readWish(call.request().body));
  if (wish.name.empty()) {
    co_return fail(ErrorCode::InvalidArgument, "'as_name' is required",
                   "Give the new sandbox a name of 1 to 63 letters, digits, '-' or '_'.");
  }
  const auto forked =
      co_await call.manager.snapshots().makeFork(call.params[0], std::move(wish.name));
  if (!forked) {
    co_return std::unexpected(forked.error());
  }
  const auto view = co_await shown(call, forked->name, wish.start);
  if (!view) {
    co_return std::unexpected(view.error());
  }
  json answer = {{"sandbox", toJson(*view)}};
  putPause(answer, forked->pause);
  co_return success(answer, 201);
}

}  // namespace ak::api
