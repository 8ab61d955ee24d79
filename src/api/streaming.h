#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"
#include "net/http_handler.h"
#include "net/task.h"

// What the routes that stream have in common: the upgraded stream's name, and the pulse of a stream
// of events.
namespace ak::api {

inline constexpr std::string_view kProtocol = "agentkernel";

// InvalidArgument for an upgrade to anything but kProtocol.
Status checkUpgrade(const net::HttpRequest& request);
bool wantsUpgrade(const net::HttpRequest& request);

// Comments on a silent event stream, until the client is gone.
net::Task<void> heartbeat(net::HttpExchange& exchange, std::chrono::milliseconds every);

}  // namespace ak::api
