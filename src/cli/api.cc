#include "cli/api.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "client/envelope.h"
#include "model/port.h"
#include "model/run_request_json.h"

namespace ak::cli {

using nlohmann::json;

std::string sandboxPath(std::string_view name, std::string_view action) {
  std::string path = cat("/sandboxes/", client::escapeSegment(name));
  if (!action.empty()) {
    path += cat("/", action);
  }
  return path;
}

Result<json> callApi(Context& context,
                     std::string_view method,
                     std::string path,
                     const json& body) {
  client::Client client = AK_TRY(context.connect());
  client::Request request{.method = std::string(method), .path = std::move(path)};
  if (!body.is_null()) {
    request.body = AK_TRY(toJsonText(body));
  }
  const client::Response response = AK_TRY(client.call(request));
  context.checkVersion(client.daemonVersion());
  return client::dataOf(response);
}

Result<json> getApi(Context& context, std::string path) {
  return callApi(context, "GET", std::move(path), nullptr);
}

Result<std::reference_wrapper<const json>> listIn(const json& answer, std::string_view key) {
  if (answer.is_object()) {
    const auto found = answer.find(key);
    if (found != answer.end() && found->is_array()) {
      return std::cref(*found);
    }
  }
  return fail(ErrorCode::Protocol, cat("the daemon's answer has no list '", key, "'"));
}

Result<std::vector<model::Change>> changesIn(const json& answer, std::string_view key) {
  std::vector<model::Change> changes;
  for (const json& item : AK_TRY(listIn(answer, key)).get()) {
    changes.push_back(AK_TRY(model::changeFromJson(item)));
  }
  return changes;
}

Result<std::string> toJsonText(const json& value) {
  try {
    return value.dump();
  } catch (const json::type_error&) {
    return fail(ErrorCode::InvalidArgument, "an argument, variable or path is not UTF-8 text",
                "Rename the file or directory, or pass the bytes in a file (--file) or on standard "
                "input.");
  }
}

std::string prettyJson(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string fieldText(const json& object, std::string_view key) {
  if (!object.is_object()) {
    return {};
  }
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    return {};
  }
  return found->is_string() ? found->get<std::string>()
                            : found->dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<std::string> portTexts(const json& sandbox) {
  std::vector<std::string> texts;
  const auto list = listIn(sandbox, "ports");
  if (!list) {
    return texts;
  }
  for (const json& item : list->get()) {
    std::string text = item.is_string() ? item.get<std::string>() : item.dump();
    const auto mapping = model::parsePortMapping(text);
    texts.push_back(mapping ? model::describe(*mapping) : std::move(text));
  }
  return texts;
}

std::string fieldTime(const json& object, std::string_view key) {
  std::string text = fieldText(object, key);
  const std::size_t point = text.find('.');
  const std::size_t zone = text.find_first_not_of("0123456789", point + 1);
  if (point != std::string::npos && zone != std::string::npos) {
    text.erase(point, zone - point);
  }
  return text;
}

namespace {

void addLines(const json& value, const std::string& path, std::string& text) {
  if (value.is_structured() && !value.empty()) {
    for (const auto& [key, item] : value.items()) {
      json entry = item;
      const std::string name = value.is_array() ? fieldText(item, "name") : std::string();
      if (!name.empty()) {
        entry.erase("name");
      }
      const std::string& last = name.empty() ? key : name;
      addLines(entry, path.empty() ? last : cat(path, ".", last), text);
    }
    return;
  }
  const std::string shown = value.is_string()
                                ? value.get<std::string>()
                                : value.dump(-1, ' ', false, json::error_handler_t::replace);
  text += cat(printable(path), ": ", printable(shown), "\n");
}

}  // namespace

std::string fieldLines(const json& value) {
  std::string text;
  addLines(value, "", text);
  return text;
}

std::string fieldSize(const json& object, std::string_view key) {
  const std::string text = fieldText(object, key);
  const auto bytes = parseNumber<std::uint64_t>(text);
  return bytes ? readableBytes(*bytes) : text;
}

}  // namespace ak::cli
