#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "net/http_message.h"

// The envelope: {"success":true,"data":...} or {"success":false,"error":text,"code":word,
// "remedy":text}. Clients use `data` unchanged and `error` as the message of their exception.
namespace ak::api {

net::HttpResponse success(const nlohmann::json& data, int status = 200);
// The same for data that is JSON text already.
net::HttpResponse successText(std::string_view data, int status = 200);
net::HttpResponse failure(const Error& error);
// The same with another status than the code's own (what HTTP itself refuses).
net::HttpResponse failure(const Error& error, int status);

// A guest command that ended with other than 0: 409 with `error`, `code`, `exit_code`, `output`.
net::HttpResponse commandFailed(const nlohmann::json& outcome, std::string_view error);

// JSON text of `value`. Bytes that are not UTF-8 are replaced: nothing that a guest chose can make
// this fail.
std::string dump(const nlohmann::json& value);

// body[key] = bytes as text; when they are not UTF-8, lossy, and exact in key_base64 beside it.
void putText(nlohmann::json& body, const std::string& key, std::string_view bytes);

// The request's body as a JSON object; InvalidArgument "Invalid JSON: ..." otherwise. An empty body
// is an empty object.
Result<nlohmann::json> parseBody(std::string_view body);

}  // namespace ak::api
