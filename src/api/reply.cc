#include "api/reply.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/base64.h"
#include "model/json_parse.h"

namespace ak::api {

using nlohmann::json;

namespace {

net::HttpResponse enveloped(int status, const json& body) {
  net::HttpResponse response;
  response.status = status;
  response.body = dump(body);
  return response;
}

}  // namespace

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

net::HttpResponse success(const json& data, int status) {
  return successText(dump(data), status);
}

net::HttpResponse successText(std::string_view data, int status) {
  net::HttpResponse response;
  response.status = status;
  response.body = cat(R"({"success":true,"data":)", data, '}');
  return response;
}

net::HttpResponse failure(const Error& error) {
  return failure(error, errorCodeInfo(error.code).http_status);
}

net::HttpResponse failure(const Error& error, int status) {
  json body = {
      {"success", false}, {"error", error.message}, {"code", errorCodeInfo(error.code).name}};
  if (!error.remedy.empty()) {
    body["remedy"] = error.remedy;
  }
  return enveloped(status, body);
}

net::HttpResponse commandFailed(const json& outcome, std::string_view error) {
  json body = outcome;
  body["success"] = false;
  body["error"] = error;
  body["code"] = "command_failed";
  return enveloped(409, body);
}

void putText(json& body, const std::string& key, std::string_view bytes) {
  body[key] = bytes;
  if (!isUtf8(bytes)) {
    body[key + "_base64"] = model::toBase64(bytes);
  }
}

Result<json> parseBody(std::string_view body) {
  if (trim(body).empty()) {
    return json::object();
  }
  return model::parseJsonObject(body);
}

}  // namespace ak::api
