// /sandboxes/{name}/files: what is asked and answered at once. file_transfer.cc moves contents.
#include <nlohmann/json.hpp>

#include "api/file_json.h"
#include "api/file_transfer.h"
#include "api/reply.h"
#include "api/routes.h"
#include "api/streaming.h"
#include "base/text.h"
#include "model/base64.h"
#include "policy/file_rules.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

bool isTrue(const net::HttpRequest& request, std::string_view name) {
  const std::string* word = request.queryValue(name);
  return word != nullptr && *word == "true";
}

// mode=0644, parents=false.
Result<manager::FileTarget> targetOf(Call& call) {
  manager::FileTarget target;
  target.path = call.params[1];
  if (const std::string* mode = call.request().queryValue("mode")) {
    target.mode = AK_TRY(policy::parseFileMode(*mode));
  }
  const std::string* parents = call.request().queryValue("parents");
  if (parents != nullptr && *parents == "false") {
    target.parents = manager::MissingParents::Refuse;
  }
  return target;
}

json withPath(const wire::FileInfo& info, const std::string& path) {
  json body = toJson(info);
  putText(body, "path", path);
  return body;
}

Task<Result<HttpResponse>> stat(Call& call, manager::FinalLink last) {
  const auto info = co_await call.manager.files().stat(call.params[0], call.params[1], last);
  if (!info) {
    co_return std::unexpected(info.error());
  }
  co_return success(withPath(*info, call.params[1]));
}

Task<Result<HttpResponse>> list(Call& call) {
  const auto entries = co_await call.manager.files().list(call.params[0], call.params[1]);
  if (!entries) {
    co_return std::unexpected(entries.error());
  }
  json list = json::array();
  for (const wire::FileInfo& entry : *entries) {
    list.push_back(toJson(entry));
  }
  json body = {{"entries", std::move(list)}};
  putText(body, "path", call.params[1]);
  co_return success(body);
}

Task<Result<HttpResponse>> makeDirectory(Call& call) {
  manager::FileTarget target = AK_CO_TRY(targetOf(call));
  const auto made = co_await call.manager.files().makeDirectory(call.params[0], std::move(target));
  if (!made) {
    co_return std::unexpected(made.error());
  }
  co_return success(withPath(*made, call.params[1]));
}

Task<Result<HttpResponse>> makeLink(Call& call, std::string text) {
  manager::FileTarget target = AK_CO_TRY(targetOf(call));
  const auto made =
      co_await call.manager.files().makeLink(call.params[0], std::move(target), std::move(text));
  if (!made) {
    co_return std::unexpected(made.error());
  }
  co_return success(withPath(*made, call.params[1]));
}

std::unexpected<Error> invalid(std::string_view message, std::string_view remedy) {
  return fail(ErrorCode::InvalidArgument, std::string(message), std::string(remedy));
}

// {content, encoding}. An unknown encoding is refused: written as text it would be another file.
Result<std::string> contentOf(const json& body) {
  const auto content = body.find("content");
  if (content == body.end() || !content->is_string()) {
    return invalid("Invalid JSON: 'content' must be a string",
                   "Send {\"content\": text}, or raw bytes as application/octet-stream.");
  }
  const json encoding = body.value("encoding", json());
  if (encoding.is_null() || encoding == "utf8" || encoding == "utf-8") {
    return content->get<std::string>();
  }
  if (encoding != "base64") {
    return invalid("unknown 'encoding'", "Use utf8 or base64.");
  }
  auto bytes = model::fromBase64(content->get_ref<const std::string&>());
  if (!bytes) {
    return invalid("'content' is not base64", "Use padded base64 without line breaks.");
  }
  return *std::move(bytes);
}

Task<Result<HttpResponse>> putJson(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  std::string content = AK_CO_TRY(contentOf(body));
  manager::FileTarget target = AK_CO_TRY(targetOf(call));
  const auto written = co_await call.manager.files().write(call.params[0], std::move(target),
                                                           wholeContent(std::move(content)));
  if (!written) {
    co_return std::unexpected(written.error());
  }
  co_return success(cat("Wrote ", written->digest.size, " bytes to ", call.params[1]));
}

Task<Result<HttpResponse>> putRaw(Call& call) {
  manager::FileTarget target = AK_CO_TRY(targetOf(call));
  const auto written = co_await call.manager.files().write(
      call.params[0], std::move(target), wholeContent(std::move(call.request().body)));
  if (!written) {
    co_return std::unexpected(written.error());
  }
  co_return success(toJson(*written, call.params[1]));
}

Task<Result<HttpResponse>> putAtOnce(Call& call) {
  const std::string* link = call.request().queryValue("link");
  if (isTrue(call.request(), "directory")) {
    co_return co_await makeDirectory(call);
  }
  if (link != nullptr) {
    co_return co_await makeLink(call, *link);
  }
  if (isOctetStream(call.request().header("content-type"))) {
    co_return co_await putRaw(call);
  }
  co_return co_await putJson(call);
}

Task<Result<HttpResponse>> getAtOnce(Call& call) {
  if (isTrue(call.request(), "list")) {
    co_return co_await list(call);
  }
  // HEAD asks what GET would be about, not for the bytes.
  const bool head = call.request().method == "HEAD";
  const bool follow = head || isTrue(call.request(), "follow");
  co_return co_await stat(call, follow ? manager::FinalLink::Follow : manager::FinalLink::Keep);
}

Task<void> answer(Call& call, Result<HttpResponse> response) {
  (void)co_await call.exchange.respond(response ? std::move(*response) : failure(response.error()));
}

}  // namespace

Task<void> getFile(Call& call) {
  const net::HttpRequest& request = call.request();
  if (request.method == "HEAD" || isTrue(request, "list") || isTrue(request, "stat")) {
    Result<HttpResponse> response = co_await getAtOnce(call);
    co_return co_await answer(call, std::move(response));
  }
  if (Status upgrade = checkUpgrade(request); !upgrade) {
    co_return co_await answer(call, std::unexpected(std::move(upgrade).error()));
  }
  co_await sendContent(call, call.params[1]);
}

Task<void> putFile(Call& call) {
  if (Status upgrade = checkUpgrade(call.request()); !upgrade) {
    co_return co_await answer(call, std::unexpected(std::move(upgrade).error()));
  }
  if (!wantsUpgrade(call.request())) {
    Result<HttpResponse> response = co_await putAtOnce(call);
    co_return co_await answer(call, std::move(response));
  }
  Result<manager::FileTarget> target = targetOf(call);
  if (!target) {
    co_return co_await answer(call, std::unexpected(std::move(target).error()));
  }
  co_await takeContent(call, *std::move(target));
}

Task<Result<HttpResponse>> deleteFile(Call& call) {
  const auto removed = co_await call.manager.files().remove(
      call.params[0], call.params[1],
      isTrue(call.request(), "recursive") ? manager::Recursively::Yes : manager::Recursively::No);
  if (!removed) {
    co_return std::unexpected(removed.error());
  }
  co_return success(cat("Removed ", call.params[1]));
}

Task<Result<HttpResponse>> postFiles(Call& call) {
  const json body = AK_CO_TRY(parseBody(call.request().body));
  const auto list = body.find("files");
  if (list == body.end() || !list->is_object() || list->empty()) {
    co_return invalid("'files' must be an object of at least one path and its text",
                      "Send {\"files\": {\"/tmp/a.txt\": \"text\"}}.");
  }
  std::vector<manager::FileContent> files;
  for (const auto& [path, text] : list->items()) {
    if (!text.is_string()) {
      co_return invalid(
          cat("the content of '", printable(path.substr(0, 200)), "' is not a string"),
          "Files that are not text are written one by one, in base64 or raw.");
    }
    files.push_back({path, text.get<std::string>()});
  }
  const auto written = co_await call.manager.files().writeAll(call.params[0], std::move(files));
  if (!written) {
    co_return std::unexpected(written.error());
  }
  co_return success({{"written", *written}});
}

}  // namespace ak::api
