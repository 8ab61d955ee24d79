#include "api/streaming.h"

#include "base/text.h"
#include "net/loop.h"

namespace ak::api {

using net::Task;

Status checkUpgrade(const net::HttpRequest& request) {
  const std::string* protocol = request.header("upgrade");
  if (!request.headerHasToken("connection", "upgrade") || protocol == nullptr) {
    return {};
  }
  return toLower(*protocol) == kProtocol
             ? Status{}
             : fail(ErrorCode::InvalidArgument, "unknown protocol in the Upgrade header",
                    "Send: Upgrade: agentkernel");
}

bool wantsUpgrade(const net::HttpRequest& request) {
  return request.headerHasToken("connection", "upgrade") && request.header("upgrade") != nullptr;
}

Task<void> heartbeat(net::HttpExchange& exchange, std::chrono::milliseconds every) {
  Status sent;
  while (sent) {
    co_await net::sleepFor(every);
    sent = co_await exchange.write(": still here\n\n", net::Flush::Soon);
  }
}

}  // namespace ak::api
