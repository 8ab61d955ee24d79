// GET /sandboxes/{name}/logs: what there is, or (follow=true) also what comes.
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "api/sinks.h"
#include "api/streaming.h"
#include "base/text.h"
#include "model/run_request_json.h"
#include "net/task_group.h"

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

Error daemonEnds() {
  return Error::make(ErrorCode::Unavailable, "the daemon is ending",
                     "The log is kept; follow it again: the daemon starts by itself.");
}

Task<Result<std::string>> follow(Call& call, manager::ExecSink& sink) {
  manager::LogSink pass = [&sink](std::string_view piece) { return sink.standardOutput(piece); };
  co_return co_await call.manager.followLogs(call.params[0], std::move(pass));
}

Task<void> followAsFrames(Call& call) {
  call.exchange.upgrade(kProtocol);
  FrameSink sink(call.exchange);
  try {
    const Result<std::string> reason = co_await follow(call, sink);
    const json last = reason ? json{{"reason", *reason}} : model::toJson(reason.error());
    // A client that is gone cannot be told how it ended.
    (void)co_await sink.end(reason ? model::StreamKind::Exit : model::StreamKind::Failed, last);
  } catch (const boost::system::system_error&) {
    sink.leave(daemonEnds());
    throw;
  }
}

Task<void> followAsEvents(Call& call) {
  call.exchange.beginStream("text/event-stream");
  EventSink sink(call.exchange);
  net::TaskGroup beside(co_await boost::asio::this_coro::executor);
  beside.spawn(heartbeat(call.exchange, call.context.heartbeat));
  try {
    const Result<std::string> reason = co_await follow(call, sink);
    beside.cancel();
    co_await beside.join();
    (void)co_await sink.endOutput();
    const json last = reason ? json{{"reason", *reason}} : model::toJson(reason.error());
    (void)co_await sink.event(reason ? "done" : "error", last, net::Flush::Soon);
    (void)co_await call.exchange.finish();
  } catch (const boost::system::system_error&) {
    sink.leave(daemonEnds());
    throw;
  }
}

}  // namespace

Task<void> getLogs(Call& call) {
  const std::string* follow_word = call.request().queryValue("follow");
  if (follow_word == nullptr || *follow_word != "true" || call.request().method == "HEAD") {
    (void)co_await call.exchange.respond(co_await wholeLog(call));
    co_return;
  }
  // What is refused is refused before the stream begins, as an ordinary answer.
  Status valid = checkUpgrade(call.request());
  if (valid) {
    if (auto view = co_await call.manager.get(call.params[0]); !view) {
      valid = std::unexpected(std::move(view).error());
    }
  }
  if (!valid) {
    (void)co_await call.exchange.respond(failure(valid.error()));
    co_return;
  }
  if (wantsUpgrade(call.request())) {
    co_await followAsFrames(call);
  } else {
    co_await followAsEvents(call);
  }
}

}  // namespace ak::api
