#pragma once

#include <functional>

#include <nlohmann/json_fwd.hpp>

#include "api/route.h"
#include "manager/manager.h"

namespace ak::api {

// A log that is being followed: gives its pieces to the sink until it ends, then what is said last.
using Following = std::function<net::Task<Result<nlohmann::json>>(manager::ExecSink& sink)>;

// ?follow=true, and not only the head is asked for.
bool wantsToFollow(const net::HttpRequest& request);

// As events, or after an upgrade as frames: the client chose. An Error of `valid` is answered
// before the stream begins, as an ordinary failure. A daemon that ends says so last.
net::Task<void> serveFollowing(Call& call, Status valid, Following following);

}  // namespace ak::api
