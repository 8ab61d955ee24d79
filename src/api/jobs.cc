// Detached commands: /sandboxes/{name}/exec/detach and /sandboxes/{name}/exec/detached.
#include <nlohmann/json.hpp>

#include "api/follow.h"
#include "api/reply.h"
#include "api/routes.h"
#include "base/text.h"
#include "model/job_json.h"
#include "model/json_fields.h"
#include "model/run_request_json.h"
#include "model/signal_name.h"

namespace ak::api {

using manager::JobChannel;
using manager::JobView;
using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

constexpr std::uint64_t kMostGraceMs = 60'000;

json jobJson(const JobView& view) {
  json body = model::toJson(view.record);
  body["sandbox"] = view.sandbox;
  body["sandbox_uuid"] = view.record.sandbox;
  return body;
}

HttpResponse answer(const Result<JobView>& view) {
  return view ? success(jobJson(*view)) : failure(view.error());
}

// `otherwise` when the query has no such number.
Result<std::uint64_t> numberIn(const net::HttpRequest& request,
                               std::string_view key,
                               std::uint64_t otherwise,
                               std::uint64_t most) {
  const std::string* word = request.queryValue(key);
  if (word == nullptr) {
    return otherwise;
  }
  const auto number = parseNumber<std::uint64_t>(*word);
  if (!number || *number > most) {
    return fail(ErrorCode::InvalidArgument,
                cat("'", key, "' is not a whole number from 0 to ", most));
  }
  return *number;
}

Result<manager::JobLogRequest> logRequest(const net::HttpRequest& request) {
  constexpr auto kMostOffset = std::uint64_t{1} << 62U;
  manager::JobLogRequest wanted;
  // As other versions of this API have it: any other word is standard output.
  const std::string* stream = request.queryValue("stream");
  if (stream != nullptr && *stream == "stderr") {
    wanted.channel = JobChannel::Stderr;
  }
  wanted.offset = AK_TRY(numberIn(request, "offset", 0, kMostOffset));
  return wanted;
}

Task<Result<json>> follow(Call& call, manager::JobLogRequest wanted, manager::ExecSink& sink) {
  manager::JobSink pass = [&sink, channel = wanted.channel](std::string_view piece) {
    return channel == JobChannel::Stdout ? sink.standardOutput(piece) : sink.standardError(piece);
  };
  auto ended =
      co_await call.manager.jobs().follow(call.params[0], call.params[1], wanted, std::move(pass));
  const JobView view = AK_CO_TRY(std::move(ended));
  co_return jobJson(view);
}

Task<Result<HttpResponse>> wholeLog(Call& call, manager::JobLogRequest wanted) {
  auto read = co_await call.manager.jobs().logs(call.params[0], call.params[1], wanted);
  const manager::JobOutput output = AK_CO_TRY(std::move(read));
  json body = {{"next_offset", output.next}, {"missing", output.missing}};
  putText(body, wanted.channel == JobChannel::Stdout ? "stdout" : "stderr", output.data);
  co_return success(body);
}

}  // namespace

Task<Result<HttpResponse>> startJob(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  model::ExecRequest request = AK_CO_TRY(model::execRequestFromJson(body));
  co_return answer(
      co_await call.manager.jobs().start(call.caller, call.params[0], std::move(request)));
}

Task<Result<HttpResponse>> listJobs(Call& call) {
  auto jobs = co_await call.manager.jobs().list(call.params[0]);
  const std::vector<JobView> views = AK_CO_TRY(std::move(jobs));
  json list = json::array();
  for (const JobView& view : views) {
    list.push_back(jobJson(view));
  }
  co_return success(list);
}

Task<Result<HttpResponse>> getJob(Call& call) {
  co_return answer(co_await call.manager.jobs().get(call.params[0], call.params[1]));
}

Task<void> getJobLogs(Call& call) {
  auto wanted = logRequest(call.request());
  if (wantsToFollow(call.request())) {
    Status valid = wanted ? Status() : std::unexpected(wanted.error());
    if (valid) {
      auto view = co_await call.manager.jobs().get(call.params[0], call.params[1]);
      valid = view ? Status() : std::unexpected(std::move(view).error());
    }
    co_await serveFollowing(call, std::move(valid),
                            [&](manager::ExecSink& sink) { return follow(call, *wanted, sink); });
    co_return;
  }
  Result<HttpResponse> response = wanted ? co_await wholeLog(call, *wanted)
                                         : Result<HttpResponse>(std::unexpected(wanted.error()));
  (void)co_await call.exchange.respond(response ? *std::move(response) : failure(response.error()));
}

Task<Result<HttpResponse>> signalJob(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  const json signal = body.value("signal", json());
  const std::string word = signal.is_string() ? signal.get<std::string>() : signal.dump();
  const int number = AK_CO_TRY(model::parseSignal(word));
  co_return answer(co_await call.manager.jobs().signal(call.params[0], call.params[1], number));
}

Task<Result<HttpResponse>> killJob(Call& call) {
  constexpr auto kGraceMs = static_cast<std::uint64_t>(manager::Jobs::kGrace.count());
  const std::uint64_t grace =
      AK_CO_TRY(numberIn(call.request(), "grace_ms", kGraceMs, kMostGraceMs));
  const auto killed = co_await call.manager.jobs().kill(call.params[0], call.params[1],
                                                        std::chrono::milliseconds(grace));
  co_return killed ? success("Command killed") : failure(killed.error());
}

}  // namespace ak::api
