#include <algorithm>
#include <array>
#include <limits>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/base64.h"
#include "model/json_fields.h"
#include "model/run_request_json.h"

// How things ended: outcomes, changes and errors as JSON.
namespace ak::model {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 3> kChangeKinds = {"added", "modified", "deleted"};

// JSON text is UTF-8 only; a name that a guest chose need not be. The escaped form is for people,
// and changes carry their exact bytes beside it.
std::string asText(std::string_view bytes) {
  return isUtf8(bytes) ? std::string(bytes) : printable(bytes);
}

}  // namespace

json toJson(const ExecOutcome& outcome) {
  return {{"exit_code", outcome.exit_code},
          {"signal", outcome.signal},
          {"timed_out", outcome.timed_out},
          {"killed", outcome.killed},
          {"out_of_memory", outcome.out_of_memory}};
}

Result<ExecOutcome> execOutcomeFromJson(const json& body) {
  JsonFields fields(body, "");
  ExecOutcome outcome;
  fields.number("exit_code", outcome.exit_code, 255);
  fields.number("signal", outcome.signal, 64);
  fields.boolean("timed_out", outcome.timed_out);
  fields.boolean("killed", outcome.killed);
  fields.boolean("out_of_memory", outcome.out_of_memory);
  if (auto status = std::move(fields).status(); !status) {
    return std::unexpected(std::move(status).error());
  }
  return outcome;
}

json toJson(const Change& change) {
  json body = {{"kind", kChangeKinds.at(static_cast<std::size_t>(change.kind))},
               {"path", asText(change.path)},
               {"size", change.size},
               {"mode", change.mode}};
  if (!isUtf8(change.path)) {
    body["path_base64"] = toBase64(change.path);
  }
  if (change.partial) {
    body["partial"] = true;
  }
  return body;
}

Result<Change> changeFromJson(const json& body) {
  JsonFields fields(body, "");
  Change change;
  std::string kind;
  fields.string("kind", kind);
  const auto* found = std::ranges::find(kChangeKinds, std::string_view(kind));
  if (found == kChangeKinds.end()) {
    fields.rejectType("kind", "added, modified or deleted");
  } else {
    change.kind = static_cast<Change::Kind>(found - kChangeKinds.begin());
  }
  fields.string("path", change.path);
  std::string encoded;
  fields.string("path_base64", encoded);
  if (!encoded.empty()) {
    if (auto bytes = fromBase64(encoded)) {
      change.path = *std::move(bytes);
    } else {
      fields.rejectType("path_base64", "base64");
    }
  }
  fields.number("size", change.size, std::numeric_limits<std::int64_t>::max());
  fields.number("mode", change.mode, 0177777);
  fields.boolean("partial", change.partial);
  if (auto status = std::move(fields).status(); !status) {
    return std::unexpected(std::move(status).error());
  }
  return change;
}

json toJson(const Error& error) {
  json body = {{"code", errorCodeInfo(error.code).name}, {"message", asText(error.message)}};
  if (!error.remedy.empty()) {
    body["remedy"] = asText(error.remedy);
  }
  return body;
}

Error errorFromJson(const json& body) {
  JsonFields fields(body, "");
  std::string code;
  std::string message;
  std::string remedy;
  fields.string("code", code);
  fields.string("message", message);
  fields.string("remedy", remedy);
  if (!std::move(fields).status()) {
    return Error::make(ErrorCode::Protocol, "the daemon sent an error that cannot be read");
  }
  return Error::make(errorCodeFromName(code), std::move(message), std::move(remedy));
}

}  // namespace ak::model
