#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/schema.h"
#include "config/setting.h"
#include "config/toml_document.h"

namespace ak::config {

// Which file is being read, and what to tell its reader.
struct FileContext {
  std::string file;
  Audience audience = Audience::Project;
  std::vector<std::string> warnings;

  Origin origin(Position at) const { return {file, at.line, at.column}; }

  // InvalidArgument "file:line:column: what".
  std::unexpected<Error> invalid(Position at, std::string_view what, std::string remedy = {}) const;
  void warn(Position at, std::string_view what);
};

// Reads one table by its spec. Getters answer an absent setting when the key is absent, and
// InvalidArgument with the place when it has another type or is out of range. References outlive
// it.
class SectionReader {
 public:
  // Checks every key before any value: InvalidArgument with the nearest known key, PermissionDenied
  // for a key that only the user's file may have.
  static Result<SectionReader> open(const SectionSpec& spec,
                                    const Value& table,
                                    FileContext& context);

  Result<Maybe<std::string>> string(std::string_view key) const;
  Result<Maybe<bool>> boolean(std::string_view key) const;

  struct Range {
    std::uint64_t least = 0;
    std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  };

  Result<Maybe<std::uint64_t>> number(std::string_view key, Range range) const;
  Result<Maybe<std::uint32_t>> number32(std::string_view key, Range range) const;
  // Whole MiB in the file, bytes here.
  Result<Maybe<std::uint64_t>> mebibytes(std::string_view key) const;
  // At most 1000 strings of at most 4096 bytes.
  Result<Maybe<std::vector<std::string>>> strings(std::string_view key) const;

  // A string that `parse` (of model) understands; its error gets the place.
  template <typename T>
  Result<Maybe<T>> word(std::string_view key, Result<T> (*parse)(std::string_view)) const {
    const auto text = AK_TRY(string(key));
    if (!text) {
      return Maybe<T>();
    }
    auto value = parse(text->value);
    if (!value) {
      return std::unexpected(std::move(value).error().context(
          text->origin.precise() + ": " + std::string(spec_->name) + "." + std::string(key)));
    }
    return Setting<T>{*value, text->origin};
  }

  const Value* find(std::string_view key) const { return table_->find(key); }

  Position at() const { return table_->at; }

  FileContext& context() const { return *context_; }

 private:
  SectionReader(const SectionSpec& spec, const Value& table, FileContext& context)
      : spec_(&spec), table_(&table), context_(&context) {}

  std::unexpected<Error> wrongType(std::string_view key,
                                   const Value& value,
                                   std::string_view expected) const;

  const SectionSpec* spec_;
  const Value* table_;
  FileContext* context_;
};

}  // namespace ak::config
