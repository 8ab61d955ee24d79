// Labels, limits, and what time does: PATCH /sandboxes/{name}, resize, extend, archive, recover,
// gc, reconcile.
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "api/sandbox_json.h"
#include "base/text.h"
#include "model/limits_json.h"
#include "model/notes_json.h"
#include "model/run_request_json.h"

namespace ak::api {

using model::JsonFields;
using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

// As other versions of this API have it.
constexpr std::chrono::seconds kExtendBy{3600};
constexpr std::size_t kMaxReason = 1024;

bool isNull(const json& body, const char* key) {
  const auto found = body.find(key);
  return found != body.end() && found->is_null();
}

// "lifecycle" replaces the whole policy, null takes it away.
void readPolicy(const json& body, JsonFields& fields, manager::SandboxUpdate& update) {
  if (body.contains("lifecycle")) {
    readLifecycle(fields, update.lifecycle.emplace());
  }
  auto one_by_one = fields.object("set_lifecycle");
  if (!one_by_one) {
    return;
  }
  const json& thresholds = body["set_lifecycle"];
  const auto read = [&](const char* key, manager::ThresholdUpdate& threshold) {
    if (thresholds.contains(key)) {
      one_by_one->number(key, threshold.emplace(), model::kMaxLifetimeSeconds);
    }
  };
  read("auto_stop_after_seconds", update.auto_stop);
  read("auto_archive_after_seconds", update.auto_archive);
  read("auto_delete_after_seconds", update.auto_delete);
  fields.adopt(*one_by_one);
}

Result<manager::SandboxUpdate> readUpdate(std::string_view text) {
  const json body = AK_TRY(parseBody(text));
  JsonFields fields(body, "");
  manager::SandboxUpdate update;
  if (isNull(body, "labels")) {
    fields.rejectType("labels", "an object; an empty one takes all labels away");
  } else if (body.contains("labels")) {
    readLabels(fields, update.labels.emplace());
  }
  fields.strings("remove_labels", update.remove_labels);
  readLabels(fields, update.set_labels, "set_labels");
  if (body.contains("description")) {
    readDescription(fields, update.description.emplace());
  }
  readPolicy(body, fields, update);
  AK_TRY(std::move(fields).status());
  return update;
}

json failuresToJson(const std::vector<manager::Failure>& failures) {
  json list = json::array();
  for (const manager::Failure& failure : failures) {
    list.push_back({{"sandbox", failure.sandbox}, {"error", model::toJson(failure.error)}});
  }
  return list;
}

Result<HttpResponse> answer(const Result<manager::SandboxView>& view) {
  if (!view) {
    return std::unexpected(view.error());
  }
  return success(toJson(*view));
}

json toJson(const manager::Collected& done) {
  return {{"dry_run", done.dry_run},
          {"removed", done.removed},
          {"count", done.removed.size()},
          {"failures", failuresToJson(done.failures)}};
}

}  // namespace

Task<Result<HttpResponse>> patchSandbox(Call& call) {
  manager::SandboxUpdate update = AK_CO_TRY(readUpdate(call.request().body));
  const auto view = co_await call.manager.update(call.params[0], std::move(update));
  co_return answer(view);
}

Task<Result<HttpResponse>> resizeSandbox(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  JsonFields fields(body, "");
  model::AskedLimits limits;
  model::readLimits(fields, limits);
  AK_CO_TRY(std::move(fields).status());
  const auto resized = co_await call.manager.resize(call.params[0], limits);
  if (!resized) {
    co_return std::unexpected(resized.error());
  }
  json sandbox = toJson(resized->view);
  sandbox["restarted"] = resized->restarted;
  sandbox["hints"] = resized->hints;
  co_return success(sandbox);
}

Task<Result<HttpResponse>> extendSandbox(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  JsonFields fields(body, "");
  std::optional<std::uint64_t> seconds;
  readSeconds(fields, "by", seconds);
  AK_CO_TRY(std::move(fields).status());
  const auto view = co_await call.manager.extend(
      call.params[0], seconds.value_or(static_cast<std::uint64_t>(kExtendBy.count())));
  if (!view) {
    co_return std::unexpected(view.error());
  }
  co_return success({{"expires_at", view->record.lifetime.expires_at}});
}

Task<Result<HttpResponse>> archiveSandbox(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  JsonFields fields(body, "");
  std::string reason = "archived by request";
  fields.string("reason", reason);
  AK_CO_TRY(std::move(fields).status());
  if (reason.size() > kMaxReason) {
    co_return fail(ErrorCode::InvalidArgument, "'reason' is longer than 1024 bytes",
                   "Say it in fewer words.");
  }
  const auto view = co_await call.manager.archive(call.params[0], std::move(reason));
  co_return answer(view);
}

Task<Result<HttpResponse>> recoverSandbox(Call& call) {
  const auto view = co_await call.manager.unarchive(call.params[0]);
  co_return answer(view);
}

Task<Result<HttpResponse>> postGc(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  JsonFields fields(body, "");
  manager::CollectRequest request;
  fields.boolean("dry_run", request.dry_run);
  model::Labels labels;
  readLabels(fields, labels);
  AK_CO_TRY(std::move(fields).status());
  request.labels.assign(labels.begin(), labels.end());
  co_return success(toJson(co_await call.manager.collect(std::move(request))));
}

Task<Result<HttpResponse>> postPrune(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  JsonFields fields(body, "");
  manager::CollectRequest request;
  bool running = false;
  fields.boolean("dry_run", request.dry_run);
  fields.boolean("running", running);
  model::Labels labels;
  readLabels(fields, labels);
  AK_CO_TRY(std::move(fields).status());
  request.labels.assign(labels.begin(), labels.end());
  request.which = running ? manager::CollectRequest::Which::StoppedAndRunning
                          : manager::CollectRequest::Which::Stopped;
  co_return success(toJson(co_await call.manager.collect(std::move(request))));
}

Task<Result<HttpResponse>> restartSandbox(Call& call) {
  const auto stopped = co_await call.manager.stop(call.params[0]);
  if (!stopped) {
    co_return std::unexpected(stopped.error());
  }
  const auto view = co_await call.manager.start(call.params[0]);
  co_return answer(view);
}

Task<Result<HttpResponse>> postReconcile(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  JsonFields fields(body, "");
  bool dry_run = false;
  fields.boolean("dry_run", dry_run);
  AK_CO_TRY(std::move(fields).status());
  const manager::Reconciled done = co_await call.manager.reconcile(dry_run);
  json answer = {{"dry_run", done.dry_run},   {"stopped", json::array()},
                 {"archived", json::array()}, {"removed", json::array()},
                 {"actions", json::array()},  {"failures", failuresToJson(done.failures)}};
  for (const policy::LifecycleDecision& each : done.actions) {
    const char* list = each.action == policy::LifecycleAction::Stop      ? "stopped"
                       : each.action == policy::LifecycleAction::Archive ? "archived"
                                                                         : "removed";
    answer[list].push_back(each.sandbox);
    answer["actions"].push_back(
        {{"sandbox", each.sandbox}, {"action", name(each.action)}, {"reason", each.reason}});
  }
  co_return success(answer);
}

}  // namespace ak::api
