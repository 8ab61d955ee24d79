#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace ak::model {

// Reads typed fields of one JSON object of a stranger. Absent and null leave the default; any other
// wrong type or range is remembered (the first one wins) as InvalidArgument naming the field.
// Included by .cc files of codecs only. The json must outlive the reader.
class JsonFields {
 public:
  // `path` names the object in messages: "" or "workspace" or "files[3]".
  JsonFields(const nlohmann::json& object, std::string path);

  // nullptr when absent or null.
  const nlohmann::json* find(std::string_view key) const;

  void string(std::string_view key, std::string& out);
  void boolean(std::string_view key, bool& out);
  // A list may be absent but not null.
  void strings(std::string_view key, std::vector<std::string>& out);
  std::optional<JsonFields> object(std::string_view key);
  std::vector<JsonFields> objects(std::string_view key, std::size_t limit);

  // A whole number from 0 to `max`.
  template <std::integral T>
  void number(std::string_view key, T& out, std::uint64_t max) {
    std::optional<T> value;
    number(key, value, max);
    if (value) {
      out = *value;
    }
  }

  template <std::integral T>
  void number(std::string_view key, std::optional<T>& out, std::uint64_t max) {
    max = std::min(max, static_cast<std::uint64_t>(std::numeric_limits<T>::max()));
    if (const std::optional<std::uint64_t> value = unsignedNumber(key, max)) {
      out = static_cast<T>(*value);
    }
  }

  void reject(Error error);
  void rejectType(std::string_view key, std::string_view expected);
  // Takes over the first error of a nested reader.
  void adopt(const JsonFields& nested);
  Status status() &&;

 private:
  std::optional<std::uint64_t> unsignedNumber(std::string_view key, std::uint64_t max);
  std::string nameOf(std::string_view key) const;

  const nlohmann::json* object_;
  std::string path_;
  std::optional<Error> error_;
};

}  // namespace ak::model
