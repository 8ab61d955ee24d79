// Named sandboxes: /sandboxes and below, but for exec and changes.
#include <array>

#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "api/sandbox_json.h"
#include "base/text.h"
#include "model/run_request_json.h"
#include "model/sandbox_state.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

// What other versions of this API take here and this one cannot do yet. Leaving one out in silence
// would give a sandbox that is not what was asked for.
constexpr auto kNotYet = std::to_array<std::string_view>(
    {"agent", "secret_files", "secret_mappings", "secrets", "source_ref", "source_url"});

bool asksForSomething(const json& value) {
  return !value.is_null() && !(value.is_boolean() && !value.get<bool>()) &&
         !((value.is_array() || value.is_object()) && value.empty()) &&
         !(value.is_string() && value.get_ref<const std::string&>().empty());
}

Status checkUnsupported(const json& body) {
  for (std::string_view key : kNotYet) {
    const auto found = body.find(key);
    if (found != body.end() && asksForSomething(*found)) {
      return fail(ErrorCode::Unsupported, cat("'", key, "' is not supported yet"),
                  "Leave it out of the request.");
    }
  }
  const auto placeholders = body.find("placeholder_secrets");
  if (placeholders != body.end() && asksForSomething(*placeholders)) {
    return fail(ErrorCode::Unsupported, "'placeholder_secrets' is not supported yet",
                "Leave it out of the request.");
  }
  return {};
}

Status checkBackend(const json& body, const std::string& ours) {
  const auto found = body.find("backend");
  if (found == body.end() || found->is_null()) {
    return {};
  }
  if (!found->is_string()) {
    return fail(ErrorCode::InvalidArgument, "Invalid JSON: 'backend' must be a string");
  }
  const std::string& word = found->get_ref<const std::string&>();
  if (word.empty() || word == "auto" || word == "automatic" || word == ours) {
    return {};
  }
  return fail(ErrorCode::Unsupported, cat("backend '", printable(word), "' is not in use here"),
              cat("Leave 'backend' out; this daemon runs sandboxes with ", ours, "."));
}

}  // namespace

Task<Result<HttpResponse>> listSandboxes(Call& call) {
  // A filter that is not key:value is ignored, as other versions of this API do.
  manager::LabelFilter labels;
  for (const auto& [key, value] : call.request().query) {
    if (key == "label") {
      if (auto label = model::parseLabel(value, ':')) {
        labels.push_back(*std::move(label));
      }
    }
  }
  // One at a time: the tree of a thousand would cost more than its text.
  std::string list = "[";
  for (const manager::SandboxView& view : co_await call.manager.list(std::move(labels))) {
    list += list.size() > 1 ? "," : "";
    list += dump(toJson(view));
  }
  list += "]";
  co_return successText(list);
}

Task<Result<HttpResponse>> createSandbox(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  model::RunRequest request = AK_CO_TRY(model::runRequestFromJson(body));
  if (Status status = checkUnsupported(body); !status) {
    co_return std::unexpected(status.error());
  }
  if (Status status = checkBackend(body, call.manager.overview().backend); !status) {
    co_return std::unexpected(status.error());
  }
  if (request.name.empty()) {
    co_return fail(ErrorCode::InvalidArgument, "'name' is required",
                   "Give the sandbox a name of 1 to 63 letters, digits, '-' or '_'.");
  }
  if (Status status = model::validateSandboxName(request.name); !status) {
    co_return std::unexpected(status.error());
  }
  if (Status status = model::validateEnvironment(request.environment); !status) {
    co_return std::unexpected(status.error());
  }
  request.keep = true;
  const auto view = co_await call.manager.create(call.caller, std::move(request));
  if (!view) {
    co_return std::unexpected(view.error());
  }
  co_return success(toJson(*view), 201);
}

Task<Result<HttpResponse>> getSandbox(Call& call) {
  const auto view = co_await call.manager.get(call.params[0]);
  if (!view) {
    co_return std::unexpected(view.error());
  }
  co_return success(toJson(*view));
}

Task<Result<HttpResponse>> getSandboxState(Call& call) {
  const auto view = co_await call.manager.get(call.params[0]);
  if (!view) {
    co_return std::unexpected(view.error());
  }
  co_return success(model::sandboxState(view->record, view->status));
}

Task<Result<HttpResponse>> getSandboxByUuid(Call& call) {
  if (!model::isUuid(call.params[0])) {
    co_return fail(ErrorCode::InvalidArgument, "not a UUID",
                   "Give the 36 characters that `agentkernel inspect` shows.");
  }
  co_return co_await getSandbox(call);
}

Task<Result<HttpResponse>> startSandbox(Call& call) {
  const auto view = co_await call.manager.start(call.params[0]);
  if (!view) {
    co_return std::unexpected(view.error());
  }
  co_return success("Sandbox started");
}

Task<Result<HttpResponse>> stopSandbox(Call& call) {
  const auto view = co_await call.manager.stop(call.params[0]);
  if (!view) {
    co_return std::unexpected(view.error());
  }
  co_return success("Sandbox stopped");
}

Task<Result<HttpResponse>> removeSandbox(Call& call) {
  const Status removed = co_await call.manager.remove(call.params[0]);
  if (!removed) {
    co_return std::unexpected(removed.error());
  }
  co_return success("Sandbox removed");
}

Task<Result<HttpResponse>> verifySandbox(Call& call) {
  const auto checks = co_await call.manager.verify(call.params[0]);
  if (!checks) {
    co_return std::unexpected(checks.error());
  }
  json list = json::array();
  bool passed = true;
  for (const manager::VerifyCheck& check : *checks) {
    list.push_back({{"name", check.name}, {"passed", check.passed}, {"detail", check.detail}});
    passed = passed && check.passed;
  }
  co_return success({{"checks", std::move(list)}, {"passed", passed}});
}

}  // namespace ak::api
