#include "client/envelope.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/run_request_json.h"

namespace ak::client {

using nlohmann::json;

namespace {

std::string textOf(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

ErrorCode codeOfStatus(int status) {
  for (const ErrorCodeInfo& info : kErrorCodes) {
    if (info.http_status == status) {
      return info.code;
    }
  }
  return ErrorCode::Internal;
}

Error unreadable(const Response& response) {
  return Error::make(response.status >= 400 ? codeOfStatus(response.status) : ErrorCode::Protocol,
                     cat("the daemon answered with status ", response.status, ": ",
                         printable(std::string_view(response.body).substr(0, 200))));
}

}  // namespace

Error errorOf(const Response& response) {
  const json body = json::parse(response.body, nullptr, false);
  if (!body.is_object()) {
    return unreadable(response);
  }
  const auto error = body.find("error");
  if (error == body.end()) {
    return unreadable(response);
  }
  if (error->is_object()) {
    return model::errorFromJson(*error);
  }
  if (!error->is_string()) {
    return unreadable(response);
  }
  const std::string code = textOf(body, "code");
  return Error::make(code.empty() ? codeOfStatus(response.status) : errorCodeFromName(code),
                     error->get<std::string>(), textOf(body, "remedy"));
}

Result<json> dataOf(const Response& response) {
  if (response.status < 200 || response.status > 299) {
    return std::unexpected(errorOf(response));
  }
  json body = json::parse(response.body, nullptr, false);
  if (!body.is_object() || !body.contains("success")) {
    return std::unexpected(unreadable(response));
  }
  if (body["success"] != true) {
    return std::unexpected(errorOf(response));
  }
  return body.contains("data") ? std::move(body["data"]) : json();
}

}  // namespace ak::client
