#include "config/section_reader.h"

#include <algorithm>

#include "base/text.h"

namespace ak::config {

namespace {

constexpr std::size_t kMaxString = 4096;
constexpr std::size_t kMaxItems = 1000;

Status checkKey(const SectionSpec& spec, const Field& field, const FileContext& context) {
  const auto known = std::ranges::find(spec.keys, field.name, &KeySpec::key);
  if (known == spec.keys.end()) {
    std::vector<std::string_view> names;
    for (const KeySpec& key : spec.keys) {
      names.push_back(key.key);
    }
    const std::string_view nearest = nearestWord(toLower(field.name), names);
    return context.invalid(
        field.at, cat("unknown key '", printable(field.name), "' in [", spec.name, "]"),
        nearest.empty()
            ? cat("Known keys: ", join(std::vector<std::string>(names.begin(), names.end()), ", "),
                  ".")
            : cat("Did you mean '", nearest, "'?"));
  }
  if (known->where == Where::UserOnly && context.audience == Audience::Project) {
    return fail(ErrorCode::PermissionDenied,
                cat(context.origin(field.at).precise(), ": a project may not set ", spec.name, ".",
                    known->key),
                "Move it to the user configuration (~/.config/agentkernel/config.toml).");
  }
  if (known->where == Where::ProjectOnly && context.audience == Audience::User) {
    return context.invalid(field.at, cat(spec.name, ".", known->key, " belongs to a project"),
                           "Move it to the project's agentkernel.toml.");
  }
  return {};
}

}  // namespace

std::string Origin::text() const {
  return cat(printable(file), ":", line);
}

std::string Origin::precise() const {
  return cat(printable(file), ":", line, ":", column);
}

std::unexpected<Error> FileContext::invalid(Position at,
                                            std::string_view what,
                                            std::string remedy) const {
  return fail(ErrorCode::InvalidArgument, cat(origin(at).precise(), ": ", what), std::move(remedy));
}

void FileContext::warn(Position at, std::string_view what) {
  warnings.push_back(cat(origin(at).precise(), ": ", what));
}

Result<SectionReader> SectionReader::open(const SectionSpec& spec,
                                          const Value& table,
                                          FileContext& context) {
  for (const Field& field : table.fields) {
    AK_TRY(checkKey(spec, field, context));
  }
  return SectionReader(spec, table, context);
}

std::unexpected<Error> SectionReader::wrongType(std::string_view key,
                                                const Value& value,
                                                std::string_view expected) const {
  return context_->invalid(value.at, cat(spec_->name, ".", key, " is ", kindName(value.kind)),
                           cat("Write ", expected, "."));
}

Result<Maybe<std::string>> SectionReader::string(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) {
    return Maybe<std::string>();
  }
  if (value->kind != Value::Kind::String) {
    return wrongType(key, *value, "a string in quotes");
  }
  if (value->text.empty() || value->text.size() > kMaxString || value->text.contains('\0')) {
    return context_->invalid(value->at,
                             cat(spec_->name, ".", key, " is empty, too long or has a NUL"),
                             "Write 1 to 4096 bytes, or leave the key out.");
  }
  return Setting<std::string>{value->text, context_->origin(value->at)};
}

Result<Maybe<bool>> SectionReader::boolean(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) {
    return Maybe<bool>();
  }
  if (value->kind != Value::Kind::Boolean) {
    return wrongType(key, *value, "true or false");
  }
  return Setting<bool>{value->boolean, context_->origin(value->at)};
}

Result<Maybe<std::uint64_t>> SectionReader::number(std::string_view key, Range range) const {
  const Value* value = find(key);
  if (value == nullptr) {
    return Maybe<std::uint64_t>();
  }
  const std::string expected = cat("a whole number from ", range.least, " to ", range.most);
  if (value->kind != Value::Kind::Integer) {
    return wrongType(key, *value, expected);
  }
  const auto number = static_cast<std::uint64_t>(value->integer);
  if (value->integer < 0 || number < range.least || number > range.most) {
    return context_->invalid(value->at, cat(spec_->name, ".", key, " is ", value->integer),
                             cat("Write ", expected, "."));
  }
  return Setting<std::uint64_t>{number, context_->origin(value->at)};
}

Result<Maybe<std::uint32_t>> SectionReader::number32(std::string_view key, Range range) const {
  range.most = std::min<std::uint64_t>(range.most, std::numeric_limits<std::uint32_t>::max());
  const auto wide = AK_TRY(number(key, range));
  if (!wide) {
    return Maybe<std::uint32_t>();
  }
  return Setting<std::uint32_t>{static_cast<std::uint32_t>(wide->value), wide->origin};
}

Result<Maybe<std::uint64_t>> SectionReader::mebibytes(std::string_view key) const {
  constexpr std::uint64_t kMostMebibytes = std::uint64_t{1} << 40U;
  auto amount = AK_TRY(number(key, {1, kMostMebibytes}));
  if (amount) {
    amount->value <<= 20U;
  }
  return amount;
}

Result<Maybe<std::vector<std::string>>> SectionReader::strings(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) {
    return Maybe<std::vector<std::string>>();
  }
  if (value->kind != Value::Kind::Array) {
    return wrongType(key, *value, "a list of strings, for instance [\"a\", \"b\"]");
  }
  if (value->items.size() > kMaxItems) {
    return context_->invalid(value->at, cat(spec_->name, ".", key, " has more than 1000 entries"));
  }
  Setting<std::vector<std::string>> list{{}, context_->origin(value->at)};
  for (const Value& item : value->items) {
    if (item.kind != Value::Kind::String) {
      return wrongType(key, item, "strings only");
    }
    if (item.text.empty() || item.text.size() > kMaxString || item.text.contains('\0')) {
      return context_->invalid(
          item.at, cat("an entry of ", spec_->name, ".", key, " is empty, too long or has a NUL"));
    }
    list.value.push_back(item.text);
  }
  return list;
}

}  // namespace ak::config
