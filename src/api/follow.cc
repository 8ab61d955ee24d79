#include "api/follow.h"

#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/sinks.h"
#include "api/streaming.h"
#include "model/run_request_json.h"
#include "net/task_group.h"

namespace ak::api {

using net::Task;
using nlohmann::json;

namespace {

Error daemonEnds() {
  return Error::make(ErrorCode::Unavailable, "the daemon is ending",
                     "The log is kept; follow it again: the daemon starts by itself.");
}

Task<void> followAsFrames(Call& call, const Following& following) {
  call.exchange.upgrade(kProtocol);
  FrameSink sink(call.exchange);
  try {
    const Result<json> end = co_await following(sink);
    const json last = end ? *end : model::toJson(end.error());
    // A client that is gone cannot be told how it ended.
    (void)co_await sink.end(end ? model::StreamKind::Exit : model::StreamKind::Failed, last);
  } catch (const boost::system::system_error&) {
    sink.leave(daemonEnds());
    throw;
  }
}

Task<void> followAsEvents(Call& call, const Following& following) {
  call.exchange.beginStream("text/event-stream");
  EventSink sink(call.exchange);
  net::TaskGroup beside(co_await boost::asio::this_coro::executor);
  beside.spawn(heartbeat(call.exchange, call.context.heartbeat));
  try {
    const Result<json> end = co_await following(sink);
    beside.cancel();
    co_await beside.join();
    (void)co_await sink.endOutput();
    const json last = end ? *end : model::toJson(end.error());
    (void)co_await sink.event(end ? "done" : "error", last, net::Flush::Soon);
    (void)co_await call.exchange.finish();
  } catch (const boost::system::system_error&) {
    sink.leave(daemonEnds());
    throw;
  }
}

}  // namespace

bool wantsToFollow(const net::HttpRequest& request) {
  const std::string* word = request.queryValue("follow");
  return word != nullptr && *word == "true" && request.method != "HEAD";
}

Task<void> serveFollowing(Call& call, Status valid, Following following) {
  // What is refused is refused before the stream begins, as an ordinary answer.
  if (valid) {
    valid = checkUpgrade(call.request());
  }
  if (!valid) {
    (void)co_await call.exchange.respond(failure(valid.error()));
  } else if (wantsUpgrade(call.request())) {
    co_await followAsFrames(call, following);
  } else {
    co_await followAsEvents(call, following);
  }
}

}  // namespace ak::api
