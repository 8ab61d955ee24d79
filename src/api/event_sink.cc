#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/sinks.h"
#include "base/text.h"
#include "model/run_request_json.h"

namespace ak::api {

using nlohmann::json;

// One `event:` line, one `data:` line of compact JSON (which has no line ends), an empty line.
net::Task<Status> EventSink::event(std::string_view name, const json& data, net::Flush flush) {
  return exchange_.write(cat("event: ", name, "\ndata: ", dump(data), "\n\n"), flush);
}

net::Task<Status> EventSink::started(const Started& started) {
  json data = {{"stage", "sandbox_started"},
               {"sandbox", started.sandbox},
               {"uuid", started.uuid},
               {"image", started.image},
               {"from_pool", started.from_pool}};
  if (!started.hints.empty()) {
    data["hints"] = started.hints;
  }
  if (!started.warnings.empty()) {
    data["warnings"] = started.warnings;
  }
  co_return co_await event("progress", data, net::Flush::Later);
}

net::Task<Status> EventSink::output(TextPieces& pieces, std::string_view stream) {
  TextPieces::Piece piece;
  while (pieces.next(piece)) {
    json data = {{"stream", stream}};
    putText(data, "data", piece.bytes);
    if (Status sent = co_await event("output", data, net::Flush::Soon); !sent) {
      co_return sent;
    }
  }
  co_return Status{};
}

net::Task<Status> EventSink::standardOutput(std::string_view data) {
  out_.feed(data);
  return output(out_, "stdout");
}

net::Task<Status> EventSink::standardError(std::string_view data) {
  err_.feed(data);
  return output(err_, "stderr");
}

void EventSink::leave(const Error& why) {
  // Queued by the call itself; nobody waits for the rest.
  (void)event("error", model::toJson(why), net::Flush::Soon);
}

net::Task<Status> EventSink::endOutput() {
  out_.end();
  err_.end();
  if (Status sent = co_await output(out_, "stdout"); !sent) {
    co_return sent;
  }
  co_return co_await output(err_, "stderr");
}

net::Task<manager::ExecSink::Input> EventSink::nextInput() {
  co_await exchange_.gone();
  co_return Input{};
}

}  // namespace ak::api
