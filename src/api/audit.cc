// What the audit log says: GET /audit, GET /audit/verify, GET /sandboxes/{name}/audit.
#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "audit/query.h"
#include "audit/verify.h"
#include "base/text.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

Result<audit::Log*> logOf(Call& call) {
  if (!call.caller.local) {
    return fail(ErrorCode::PermissionDenied, "the audit log is read on its own machine",
                "Run: agentkernel audit");
  }
  if (call.context.auditor.log() == nullptr) {
    return fail(ErrorCode::Unsupported, "the audit log is switched off",
                "Take enabled = false out of [audit] in the user configuration and restart the "
                "daemon.");
  }
  return call.context.auditor.log();
}

Result<audit::Kind> readKind(std::string_view word) {
  if (const auto kind = audit::kindFromName(word)) {
    return *kind;
  }
  std::vector<std::string_view> names;
  for (const audit::KindInfo& info : audit::kKinds) {
    names.push_back(info.name);
  }
  const std::string_view nearest = nearestWord(word, names);
  return fail(ErrorCode::InvalidArgument, cat("unknown event type '", printable(word), "'"),
              nearest.empty() ? std::string("docs/audit.md lists all types.")
                              : cat("Did you mean '", nearest, "'?"));
}

// ?last=N (or limit) &sandbox= &type= (repeatable) &since=TIME
Result<audit::Query> readQuery(const net::HttpRequest& request) {
  audit::Query query;
  for (const auto& [key, value] : request.query) {
    if (key == "last" || key == "limit") {
      const auto number = parseNumber<std::uint64_t>(value);
      if (!number || *number > audit::Query::kMaxLast) {
        return fail(ErrorCode::InvalidArgument, cat("'", key, "' is not a number up to 10000"),
                    "Ask for at most so many events; narrow it with since or type.");
      }
      query.last = *number;
    } else if (key == "sandbox") {
      query.sandbox = value;
    } else if (key == "type") {
      query.kinds.push_back(AK_TRY(readKind(value)));
    } else if (key == "since") {
      query.since = parseTime(value);
      if (!query.since) {
        return fail(ErrorCode::InvalidArgument, "'since' is not a time",
                    "Write it like 2026-01-02T03:04:05Z.");
      }
    }
  }
  return query;
}

Task<Result<std::string>> search(Call& call, audit::Query query) {
  const audit::Log* log = AK_CO_TRY(logOf(call));
  const auto found =
      co_await call.context.workers.run([&] { return audit::findEvents(log->path(), query); });
  if (!found) {
    co_return std::unexpected(found.error());
  }
  co_return cat("[", join(found->events, ","), "]");
}

}  // namespace

Task<Result<HttpResponse>> getAudit(Call& call) {
  audit::Query query = AK_CO_TRY(readQuery(call.request()));
  const Result<std::string> events = co_await search(call, std::move(query));
  if (!events) {
    co_return std::unexpected(events.error());
  }
  co_return successText(*events);
}

Task<Result<HttpResponse>> getSandboxAudit(Call& call) {
  audit::Query query = AK_CO_TRY(readQuery(call.request()));
  query.sandbox = call.params[0];
  const Result<std::string> events = co_await search(call, std::move(query));
  if (!events) {
    co_return std::unexpected(events.error());
  }
  if (*events == "[]") {
    // Nothing yet of one that is there; one that never was is a mistake in its name.
    const Result<manager::SandboxView> known = co_await call.manager.get(call.params[0]);
    if (!known) {
      co_return std::unexpected(known.error());
    }
  }
  co_return successText(*events);
}

Task<Result<HttpResponse>> verifyAudit(Call& call) {
  const audit::Log* log = AK_CO_TRY(logOf(call));
  audit::Expectation expected;
  if (const std::string* kept = call.request().queryValue("head")) {
    expected.kept = audit::parseLink(*kept);
    if (!expected.kept) {
      co_return fail(ErrorCode::InvalidArgument, "'head' is not a line's number and hash",
                     "Give what verify printed as head: SEQ:HASH.");
    }
  }
  expected.head = log->stats().head;
  const auto verdict =
      co_await call.context.workers.run([&] { return audit::verifyLog(log->path(), expected); });
  if (!verdict) {
    co_return std::unexpected(verdict.error());
  }
  json body = {{"intact", verdict->intact},
               {"lines", verdict->lines},
               {"first", verdict->first.seq},
               {"last", verdict->last.seq},
               {"head", audit::linkText(verdict->last)},
               {"path", log->path()}};
  if (!verdict->problem.empty()) {
    body["problem"] = verdict->problem;
  }
  if (!verdict->file.empty()) {
    body["file"] = verdict->file;
    body["line"] = verdict->line;
  }
  co_return success(body);
}

}  // namespace ak::api
