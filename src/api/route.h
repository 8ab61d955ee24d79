#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/context.h"
#include "base/result.h"
#include "net/http_handler.h"

namespace ak::api {

// One request on its way through a route.
struct Call {
  Context& context;
  manager::Manager& manager;  // as this caller sees it: what it does is recorded
  net::HttpExchange& exchange;
  std::vector<std::string> params;  // what stood for the template's {...}, in order
  manager::Caller caller;

  net::HttpRequest& request() const { return exchange.request(); }
};

// Most routes answer once; those that stream or upgrade do all of it themselves.
using Answer = net::Task<Result<net::HttpResponse>> (*)(Call&);
using Serve = net::Task<void> (*)(Call&);

enum class Mutates : std::uint8_t { No, Yes };

inline constexpr std::size_t kSmallBody = 64 * 1024;
inline constexpr std::size_t kLargeBody = 16 * 1024 * 1024;

// One row of the table in all.cc.
struct Route {
  std::string_view method;
  // "/sandboxes/{name}/exec": also the label in metrics. A last "{path...}" takes all that follows,
  // as one parameter that begins with a slash.
  std::string_view path;
  std::variant<Answer, Serve> handler;
  Mutates mutates = Mutates::No;
  std::size_t body_limit = 0;
  net::OnDisconnect on_disconnect = net::OnDisconnect::Finish;
  std::string_view summary;
};

// Every route, sorted by path, then method.
const std::vector<Route>& allRoutes();

}  // namespace ak::api
