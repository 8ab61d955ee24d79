#include "api/access.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace ak::api {
namespace {

constexpr std::array<std::string_view, 4> kOurHosts = {"localhost", "127.0.0.1", "[::1]",
                                                       "agentkernel"};

// "name", "name:port", "[v6]:port" without the port.
std::string_view withoutPort(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || host.ends_with(']')) {
    return host;
  }
  return parseNumber<std::uint16_t>(host.substr(colon + 1)) ? host.substr(0, colon) : host;
}

}  // namespace

Result<manager::Caller> admitCaller(const net::HttpRequest& request) {
  if (request.header("origin") != nullptr) {
    return fail(ErrorCode::PermissionDenied, "requests from web pages are refused",
                "Call the API from a program, without an Origin header.");
  }
  const std::string* host = request.header("host");
  const std::string name = host == nullptr ? std::string() : toLower(withoutPort(*host));
  if (std::ranges::find(kOurHosts, std::string_view(name)) == kOurHosts.end()) {
    return fail(ErrorCode::PermissionDenied, "the Host header names another machine",
                "Send Host: localhost.");
  }
  if (!request.peer) {
    return fail(ErrorCode::Unauthenticated, "this connection carries no credentials",
                "Use the daemon's unix socket.");
  }
  if (request.peer->uid != ::geteuid() && request.peer->uid != 0) {
    return fail(ErrorCode::PermissionDenied, "this daemon serves another user",
                "Start a daemon of your own with: agentkernel daemon start");
  }
  manager::Caller caller;
  caller.uid = request.peer->uid;
  caller.pid = request.peer->pid;
  return caller;
}

}  // namespace ak::api
