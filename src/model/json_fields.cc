#include "model/json_fields.h"

#include "base/text.h"

namespace ak::model {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxListItems = 4096;

}  // namespace

JsonFields::JsonFields(const json& object, std::string path)
    : object_(&object), path_(std::move(path)) {
  if (!object.is_object()) {
    reject(Error::make(ErrorCode::InvalidArgument,
                       cat(path_.empty() ? std::string("the body") : path_, " must be an object")));
  }
}

const json* JsonFields::find(std::string_view key) const {
  if (!object_->is_object()) {
    return nullptr;
  }
  const auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

void JsonFields::string(std::string_view key, std::string& out) {
  const json* value = find(key);
  if (value == nullptr) {
    return;
  }
  if (!value->is_string()) {
    rejectType(key, "a string");
    return;
  }
  out = value->get_ref<const std::string&>();
}

void JsonFields::boolean(std::string_view key, bool& out) {
  const json* value = find(key);
  if (value == nullptr) {
    return;
  }
  if (!value->is_boolean()) {
    rejectType(key, "true or false");
    return;
  }
  out = value->get<bool>();
}

void JsonFields::strings(std::string_view key, std::vector<std::string>& out) {
  if (!object_->is_object() || !object_->contains(key)) {
    return;
  }
  const json& list = *object_->find(key);
  if (!list.is_array()) {
    rejectType(key, "a list of strings");
    return;
  }
  if (list.size() > kMaxListItems) {
    rejectType(key, cat("a list of at most ", kMaxListItems, " strings"));
    return;
  }
  std::vector<std::string> strings;
  strings.reserve(list.size());
  for (const json& item : list) {
    if (!item.is_string()) {
      rejectType(cat(key, "[", strings.size(), "]"), "a string");
      return;
    }
    strings.push_back(item.get_ref<const std::string&>());
  }
  out = std::move(strings);
}

std::optional<JsonFields> JsonFields::object(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_object()) {
    rejectType(key, "an object");
    return std::nullopt;
  }
  return JsonFields(*value, nameOf(key));
}

std::vector<JsonFields> JsonFields::objects(std::string_view key, std::size_t limit) {
  std::vector<JsonFields> items;
  if (!object_->is_object() || !object_->contains(key)) {
    return items;
  }
  const json& list = *object_->find(key);
  if (!list.is_array() || list.size() > limit) {
    rejectType(key, cat("a list of at most ", limit, " objects"));
    return items;
  }
  for (const json& item : list) {
    items.emplace_back(item, cat(nameOf(key), "[", items.size(), "]"));
  }
  return items;
}

std::optional<std::uint64_t> JsonFields::unsignedNumber(std::string_view key, std::uint64_t max) {
  const json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  const bool whole = value->is_number_unsigned() ||
                     (value->is_number_integer() && value->get<std::int64_t>() >= 0);
  if (!whole || value->get<std::uint64_t>() > max) {
    rejectType(key, cat("a whole number from 0 to ", max));
    return std::nullopt;
  }
  return value->get<std::uint64_t>();
}

void JsonFields::reject(Error error) {
  if (!error_) {
    error_ = std::move(error);
  }
}

void JsonFields::rejectType(std::string_view key, std::string_view expected) {
  reject(Error::make(ErrorCode::InvalidArgument, cat("'", nameOf(key), "' must be ", expected)));
}

void JsonFields::adopt(const JsonFields& nested) {
  if (nested.error_) {
    reject(*nested.error_);
  }
}

Status JsonFields::status() && {
  if (error_) {
    return std::unexpected(*std::move(error_));
  }
  return {};
}

std::string JsonFields::nameOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : cat(path_, ".", key);
}

}  // namespace ak::model
