// Sessions: POST /sandboxes/{name}/attach.
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "api/sinks.h"
#include "api/streaming.h"
#include "model/run_request_json.h"

namespace ak::api {

using manager::JobView;
using net::Task;
using nlohmann::json;

namespace {

// What is refused is refused as an ordinary answer: the stream begins when the session is joined.
class SessionSink final : public manager::ExecSink {
 public:
  explicit SessionSink(net::HttpExchange& exchange) : exchange_(exchange), frames_(exchange) {}

  Task<Status> started(const Started& started) override {
    session_ = started.session;
    exchange_.upgrade(kProtocol);
    return frames_.started(started);
  }

  Task<Status> standardOutput(std::string_view data) override {
    return frames_.standardOutput(data);
  }

  Task<Status> standardError(std::string_view data) override { return frames_.standardError(data); }

  Task<Input> nextInput() override { return frames_.nextInput(); }

  bool begun() const { return !session_.empty(); }

  const std::string& session() const { return session_; }

  FrameSink& frames() { return frames_; }

 private:
  net::HttpExchange& exchange_;
  FrameSink frames_;
  std::string session_;
};

Result<model::AttachRequest> readAttach(const net::HttpRequest& http) {
  AK_TRY(checkUpgrade(http));
  if (!wantsUpgrade(http)) {
    return fail(ErrorCode::InvalidArgument, "a session needs the upgraded stream",
                "Send Connection: Upgrade and Upgrade: agentkernel (docs/api-stream.md).");
  }
  const json body = AK_TRY(parseBody(http.body));
  return model::attachRequestFromJson(body);
}

json endJson(const JobView& view) {
  json body = model::toJson(view.record.outcome.value_or(model::ExecOutcome{}));
  body["sandbox"] = view.sandbox;
  body["uuid"] = view.record.sandbox;
  body["session"] = view.record.id;
  return body;
}

// A session that nobody saw end has no outcome to be told.
Result<json> endOf(const Result<JobView>& ended) {
  if (!ended) {
    return std::unexpected(ended.error());
  }
  if (!ended->record.outcome) {
    return fail(ErrorCode::Unavailable, "the session is lost: " + ended->record.reason);
  }
  return endJson(*ended);
}

Error daemonEnds(const std::string& sandbox, const std::string& session) {
  return Error::make(ErrorCode::Unavailable, "the daemon is ending; the session goes on",
                     "Join it again: agentkernel attach " + sandbox + " --session " + session);
}

}  // namespace

Task<void> postAttach(Call& call) {
  Result<model::AttachRequest> request = readAttach(call.request());
  if (!request) {
    (void)co_await call.exchange.respond(failure(request.error()));
    co_return;
  }
  SessionSink sink(call.exchange);
  try {
    const Result<JobView> ended =
        co_await call.manager.jobs().attach(call.caller, call.params[0], *std::move(request), sink);
    const Result<json> end = endOf(ended);
    if (!sink.begun()) {
      (void)co_await call.exchange.respond(failure(end ? Error{} : end.error()));
      co_return;
    }
    const json last = end ? *end : model::toJson(end.error());
    // A client that is gone cannot be told how it ended.
    (void)co_await sink.frames().end(end ? model::StreamKind::Exit : model::StreamKind::Failed,
                                     last);
  } catch (const boost::system::system_error&) {
    if (sink.begun()) {
      sink.frames().leave(daemonEnds(call.params[0], sink.session()));
    }
    throw;
  }
}

}  // namespace ak::api
