// GET /sandboxes/{name}/logs: what there is, or (follow=true) also what comes.
#include <nlohmann/json.hpp>

#include "api/follow.h"
#include "api/reply.h"
#include "api/routes.h"
#include "base/text.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

// Each line of the log as an object. All of it is the guest's text, also what looks like JSON: a
// guest must not be able to write entries of ours.
json logEntries(std::string_view text) {
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  json list = json::array();
  if (text.empty()) {
    return list;
  }
  for (std::string_view line : split(text, '\n')) {
    json entry = json::object();
    putText(entry, "message", line);
    list.push_back(std::move(entry));
  }
  return list;
}

Task<HttpResponse> wholeLog(Call& call) {
  const auto text = co_await call.manager.logs(call.params[0]);
  co_return text ? success(logEntries(*text)) : failure(text.error());
}

Task<Result<json>> follow(Call& call, manager::ExecSink& sink) {
  manager::LogSink pass = [&sink](std::string_view piece) { return sink.standardOutput(piece); };
  auto ended = co_await call.manager.followLogs(call.params[0], std::move(pass));
  std::string reason = AK_CO_TRY(std::move(ended));
  co_return json{{"reason", std::move(reason)}};
}

}  // namespace

Task<void> getLogs(Call& call) {
  if (!wantsToFollow(call.request())) {
    (void)co_await call.exchange.respond(co_await wholeLog(call));
    co_return;
  }
  auto view = co_await call.manager.get(call.params[0]);
  Status valid = view ? Status() : std::unexpected(std::move(view).error());
  co_await serveFollowing(call, std::move(valid),
                          [&call](manager::ExecSink& sink) { return follow(call, sink); });
}

}  // namespace ak::api
