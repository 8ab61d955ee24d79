#include "api/router.h"

#include <algorithm>
#include <exception>
#include <ranges>
#include <tuple>

#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include "api/access.h"
#include "api/http_metrics.h"
#include "api/reply.h"
#include "base/text.h"
#include "manager/audited_manager.h"

namespace ak::api {
namespace {

bool isParameter(std::string_view segment) {
  return segment.starts_with('{');
}

bool matches(std::string_view want, const std::string& have) {
  return isParameter(want) || want == have;
}

// "/a/b c" of the segments that a last parameter takes; "/" of none. A decoded segment may hold a
// slash of its own: whoever takes such a path judges it as a whole.
std::string joined(auto&& segments) {
  std::string path;
  for (const std::string& segment : segments) {
    path += cat("/", segment);
  }
  return path.empty() ? "/" : path;
}

net::HttpResponse methodsOf(const std::string& allowed, bool options) {
  nlohmann::json methods = nlohmann::json::array();
  for (std::string_view method : split(allowed, ',')) {
    methods.push_back(trim(method));
  }
  net::HttpResponse response =
      options ? success({{"allow", methods}})
              : failure(Error::make(ErrorCode::MethodNotAllowed, "Method not allowed",
                                    cat("This path takes: ", allowed)));
  response.headers.push_back({"Allow", allowed});
  return response;
}

ErrorCode codeForStatus(int status) {
  for (const ErrorCodeInfo& info : kErrorCodes) {
    if (info.http_status == status) {
      return info.code;
    }
  }
  return status >= 500 ? ErrorCode::Internal : ErrorCode::InvalidArgument;
}

}  // namespace

Router::Router(Context context) : context_(std::move(context)) {
  for (const Route& route : allRoutes()) {
    Entry entry{&route, split(route.path.substr(1), '/')};
    entry.takes_rest = entry.segments.back().ends_with("...}");
    if (entry.takes_rest) {
      entry.segments.pop_back();
    }
    entries_.push_back(std::move(entry));
  }
  // Literal segments win over parameters: "/sandboxes/by-uuid/x" is never a sandbox's.
  std::ranges::sort(entries_, {}, [](const Entry& entry) {
    return std::tuple(entry.takes_rest, std::ranges::count_if(entry.segments, isParameter),
                      entry.route);
  });
}

Router::Match Router::find(const net::HttpRequest& request) const {
  const std::string_view asked = request.method;
  const std::string_view method = asked == "HEAD" ? "GET" : asked;
  Match match;
  for (const Entry& entry : entries_) {
    const std::size_t fixed = entry.segments.size();
    const std::vector<std::string>& path = request.path;
    if (entry.takes_rest ? path.size() < fixed : path.size() != fixed) {
      continue;
    }
    if (!std::ranges::equal(entry.segments, path | std::views::take(fixed), matches)) {
      continue;
    }
    if (entry.route->method != method) {
      match.allowed += cat(match.allowed.empty() ? "" : ", ", entry.route->method,
                           entry.route->method == "GET" ? ", HEAD" : "");
      continue;
    }
    match.route = entry.route;
    for (std::size_t i = 0; i < entry.segments.size(); ++i) {
      if (isParameter(entry.segments[i])) {
        match.params.push_back(path[i]);
      }
    }
    if (entry.takes_rest) {
      match.params.push_back(joined(path | std::views::drop(fixed)));
    }
    return match;
  }
  return match;
}

net::Admission Router::admit(const net::HttpRequest& request) {
  net::Admission admission;
  const Result<manager::Caller> caller = admitCaller(request);
  if (!caller) {
    admission.refusal = failure(caller.error());
    return admission;
  }
  Match match = find(request);
  if (match.route == nullptr) {
    admission.refusal =
        match.allowed.empty()
            ? failure(Error::make(ErrorCode::NotFound, "Not found", "Routes are in docs/api.md."))
            : methodsOf(cat(match.allowed, ", OPTIONS"), request.method == "OPTIONS");
    count("", "unmatched", admission.refusal->status, {});
    return admission;
  }
  const Route& route = *match.route;
  admission.body_limit = route.body_limit;
  admission.on_disconnect = route.on_disconnect;
  admission.serve = [this, &route, params = std::move(match.params), who = *caller](
                        net::HttpExchange& exchange) { return run(route, params, who, exchange); };
  return admission;
}

void Router::count(std::string_view method,
                   std::string_view path,
                   int status,
                   std::chrono::nanoseconds took) {
  const std::string status_text = std::to_string(status);
  context_.metrics.add(kRequests, {method, path, status_text});
  context_.metrics.observe(kRequestTime, {method, path}, took);
}

net::Task<void> Router::run(const Route& route,
                            std::vector<std::string> params,
                            manager::Caller caller,
                            net::HttpExchange& exchange) {
  manager::AuditedManager manager(context_.unaudited, context_.auditor, caller);
  Call call{context_, manager, exchange, std::move(params), caller};
  const SteadyTime begin = context_.clock.steady();
  Result<net::HttpResponse> response = fail(ErrorCode::Internal, "an unexpected failure");
  try {
    if (const Serve* serve = std::get_if<Serve>(&route.handler)) {
      co_await (*serve)(call);
    } else {
      response = co_await std::get<Answer>(route.handler)(call);
    }
  } catch (const boost::system::system_error& error) {
    // Cancelled: the client is gone or the daemon ends; nobody is left to be told.
    if (error.code() == boost::asio::error::operation_aborted) {
      throw;
    }
    response = fail(ErrorCode::Internal, cat("an unexpected failure: ", error.what()));
  } catch (const std::exception& error) {
    // One request's surprise must not end the daemon and every other sandbox's owner with it.
    response = fail(ErrorCode::Internal, cat("an unexpected failure: ", error.what()));
  }
  if (exchange.status() == 0) {
    (void)co_await exchange.respond(response ? std::move(*response) : failure(response.error()));
  }
  count(route.method, route.path, exchange.status(), context_.clock.steady() - begin);
}

net::HttpResponse Router::refusal(int status, std::string_view message) {
  return failure(Error::make(codeForStatus(status), std::string(message),
                             status == 413 ? "Send less at once; files of any size travel on the "
                                             "upgraded stream (docs/api-stream.md)."
                                           : ""),
                 status);
}

}  // namespace ak::api
