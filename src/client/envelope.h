#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "client/http_response.h"

namespace ak::client {

// What the API wraps every answer in: {"success": true, "data": ...} or
// {"success": false, "error": text, "code": ..., "remedy": ...}.

// The data of a successful answer; the Error that a failed one carries. Protocol when the body is
// not an envelope.
Result<nlohmann::json> dataOf(const Response& response);

// The Error of an answer that is known to be a failure. Never fails itself: a body that cannot be
// read becomes an error that says so.
Error errorOf(const Response& response);

}  // namespace ak::client
