#include "model/json_parse.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace ak::model {

using nlohmann::json;

namespace {

constexpr int kMaxDepth = 64;

}  // namespace

Result<json> parseJsonObject(std::string_view text) {
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  try {
    json value = json::parse(text, watch_depth);
    if (too_deep) {
      return fail(ErrorCode::InvalidArgument, "Invalid JSON: nested too deeply");
    }
    if (!value.is_object()) {
      return fail(ErrorCode::InvalidArgument, "Invalid JSON: an object was expected");
    }
    return value;
  } catch (const json::exception& error) {
    return fail(ErrorCode::InvalidArgument, cat("Invalid JSON: ", printable(error.what())));
  }
}

}  // namespace ak::model
