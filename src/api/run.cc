// Commands: POST /run, /run/stream, /sandboxes/{name}/exec, plain and upgraded.
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "api/sandbox_json.h"
#include "api/sinks.h"
#include "api/streaming.h"
#include "base/text.h"
#include "model/run_request_json.h"
#include "net/task_group.h"

namespace ak::api {

using manager::RunResult;
using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

// Output repeated in the error text: clients of other languages show nothing else.
constexpr std::size_t kTail = 2048;

// A project file can name the command of its runs; the manager says so when it does not.
bool mayTakeProjectsCommand(const model::RunRequest& request) {
  return request.command.empty() && request.project.has_value();
}

bool mayTakeProjectsCommand(const model::ExecRequest&) {
  return false;
}

// What every command must be before anything is made for it.
template <typename Request>
Status validate(const net::HttpRequest& http, const Request& request) {
  if (Status upgrade = checkUpgrade(http); !upgrade) {
    return upgrade;
  }
  if (!mayTakeProjectsCommand(request)) {
    if (Status command = model::validateCommand(request.command); !command) {
      return command;
    }
  }
  if (Status environment = model::validateEnvironment(request.environment); !environment) {
    return environment;
  }
  if (!request.workdir.empty()) {
    if (Status workdir = model::validateWorkdir(request.workdir); !workdir) {
      return workdir;
    }
  }
  if (!wantsUpgrade(http) && (request.terminal || request.stdin_open)) {
    return fail(ErrorCode::InvalidArgument, "'tty' and 'stdin' need the upgraded stream",
                "Send Connection: Upgrade and Upgrade: agentkernel (docs/api-stream.md).");
  }
  return {};
}

Result<model::RunRequest> readRun(const net::HttpRequest& http) {
  const json body = AK_TRY(parseBody(http.body));
  return model::runRequestFromJson(body);
}

Result<model::ExecRequest> readExec(const net::HttpRequest& http) {
  const json body = AK_TRY(parseBody(http.body));
  return model::execRequestFromJson(body);
}

json resultJson(const RunResult& result) {
  json body = model::toJson(result.outcome);
  body["sandbox"] = result.sandbox;
  body["uuid"] = result.uuid;
  body["phases"] = toJson(result.phases);
  body["limits"] = toJson(result.limits);
  if (!result.job.empty()) {
    body["job"] = result.job;
  }
  if (!result.changes.empty()) {
    body["changes"] = toJson(result.changes);
  }
  if (result.changes_error) {
    body["changes_error"] = model::toJson(*result.changes_error);
  }
  return body;
}

std::string describe(const model::ExecOutcome& outcome, std::string_view output) {
  std::string text = outcome.timed_out ? std::string("command timed out")
                     : outcome.out_of_memory
                         ? cat("command ran out of memory (exit code ", outcome.exit_code, ")")
                     : outcome.signal != 0 ? cat("command was ended by signal ", outcome.signal)
                                           : cat("command exited with code ", outcome.exit_code);
  std::string_view tail = trim(output);
  if (tail.size() > kTail) {
    tail.remove_prefix(tail.size() - kTail);
    while (!tail.empty() && (tail.front() & 0xc0) == 0x80) {
      tail.remove_prefix(1);
    }
  }
  return tail.empty() ? text : cat(text, ": ", tail);
}

HttpResponse bufferedAnswer(const BufferSink& sink, const Result<RunResult>& result) {
  if (sink.overflowed()) {
    return failure(
        Error::make(ErrorCode::TooLarge, "the command printed more than 16 MiB and was ended",
                    "Use POST /run/stream or the upgraded stream for output of any size."));
  }
  if (!result) {
    return failure(result.error());
  }
  json body = resultJson(*result);
  putText(body, "output", sink.output());
  return result->outcome.exit_code == 0
             ? success(body)
             : commandFailed(body, describe(result->outcome, sink.output()));
}

Task<void> endFrames(FrameSink& sink, const Result<RunResult>& result) {
  // A client that is gone cannot be told how it ended.
  if (result) {
    (void)co_await sink.end(model::StreamKind::Exit, resultJson(*result));
  } else {
    (void)co_await sink.end(model::StreamKind::Failed, model::toJson(result.error()));
  }
}

Task<void> refuse(Call& call, Error error) {
  (void)co_await call.exchange.respond(failure(error));
}

// The command of a daemon that ends is ended with it; its client is told so and not just cut off.
Error ownerLost() {
  return Error::make(ErrorCode::Unavailable, "owner lost: the daemon is ending",
                     "Run the command again; the daemon starts by itself.");
}

// Runs `work(sink)` and answers in the way that the client asked for.
template <typename Work>
Task<void> serveCommand(Call& call, Work work) {
  if (wantsUpgrade(call.request())) {
    call.exchange.upgrade(kProtocol);
    FrameSink sink(call.exchange);
    try {
      const Result<RunResult> result = co_await work(sink);
      co_await endFrames(sink, result);
    } catch (const boost::system::system_error&) {
      sink.leave(ownerLost());
      throw;
    }
  } else {
    BufferSink sink(call.exchange);
    try {
      const Result<RunResult> result = co_await work(sink);
      (void)co_await call.exchange.respond(bufferedAnswer(sink, result));
    } catch (const boost::system::system_error&) {
      (void)call.exchange.respond(failure(ownerLost()));
      throw;
    }
  }
}

json startedEvent(const model::RunRequest& request, const Clock& clock) {
  return {{"command", request.command},
          {"fast", request.fast},
          {"timestamp", formatTime(clock.wall())}};
}

Task<void> endEvents(EventSink& sink, const Result<RunResult>& result) {
  Status sent = co_await sink.endOutput();
  if (!sent) {
    co_return;
  }
  if (!result) {
    json data = model::toJson(result.error());
    (void)co_await sink.event("error", data, net::Flush::Soon);
    co_return;
  }
  json data = resultJson(*result);
  data["success"] = result->outcome.exit_code == 0;
  (void)co_await sink.event("done", data, net::Flush::Soon);
}

}  // namespace

Task<void> postRun(Call& call) {
  Result<model::RunRequest> request = readRun(call.request());
  Status valid =
      request ? validate(call.request(), *request) : Status(std::unexpected(request.error()));
  if (!valid) {
    co_return co_await refuse(call, std::move(valid).error());
  }
  co_await serveCommand(call, [&](manager::ExecSink& sink) {
    return call.manager.run(call.caller, std::move(*request), sink);
  });
}

Task<void> postExec(Call& call) {
  Result<model::ExecRequest> request = readExec(call.request());
  Status valid =
      request ? validate(call.request(), *request) : Status(std::unexpected(request.error()));
  if (!valid) {
    co_return co_await refuse(call, std::move(valid).error());
  }
  co_await serveCommand(call, [&](manager::ExecSink& sink) {
    return call.manager.exec(call.caller, call.params[0], std::move(*request), sink);
  });
}

Task<void> postRunStream(Call& call) {
  Result<model::RunRequest> request = readRun(call.request());
  if (!request) {
    co_return co_await refuse(call, std::move(request).error());
  }
  const Status valid = validate(call.request(), *request);
  call.exchange.beginStream("text/event-stream");
  EventSink sink(call.exchange);
  if (!valid) {
    // A stream's client looks for events, not for a status.
    co_await endEvents(sink, std::unexpected(valid.error()));
    (void)co_await call.exchange.finish();
    co_return;
  }
  // Cancelled with this frame, and joined before the stream's end is written.
  net::TaskGroup beside(co_await boost::asio::this_coro::executor);
  beside.spawn(heartbeat(call.exchange, call.context.heartbeat));
  const json first = startedEvent(*request, call.context.clock);
  (void)co_await sink.event("started", first, net::Flush::Soon);
  try {
    const Result<RunResult> result =
        co_await call.manager.run(call.caller, std::move(*request), sink);
    beside.cancel();
    co_await beside.join();
    co_await endEvents(sink, result);
    (void)co_await call.exchange.finish();
  } catch (const boost::system::system_error&) {
    sink.leave(ownerLost());
    throw;
  }
}

}  // namespace ak::api
