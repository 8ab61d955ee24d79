#pragma once

#include "base/result.h"
#include "manager/manager.h"
#include "net/http_message.h"

namespace ak::api {

// Who may ask at all. On a unix socket the kernel says who is there: our own user is the owner, and
// root is let in since it could be the owner anyway. Connections without such credentials (TCP) are
// refused until there are tokens to show.
//
// A web page must not drive the API: a browser sends `Origin` with what a page does, and a page
// that had its own name resolve to this machine (DNS rebinding) sends that name as Host. Both are
// refused, whoever asks.
Result<manager::Caller> admitCaller(const net::HttpRequest& request);

}  // namespace ak::api
