#include "model/label.h"

#include <algorithm>

#include "base/text.h"

namespace ak::model {

namespace {

constexpr std::size_t kMaxKey = 63;
constexpr std::size_t kMaxValue = 255;
constexpr std::size_t kMaxDescription = 4096;
constexpr std::string_view kReserved = "agentkernel.";

bool hasOnly(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [more](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.contains(c);
  });
}

Status validateLabel(std::string_view key, std::string_view value) {
  const std::string shown = printable(key.substr(0, kMaxKey + 1));
  if (key.empty() || key.size() > kMaxKey || !hasOnly(key, "-_.")) {
    return fail(ErrorCode::InvalidArgument, cat("'", shown, "' is not a label's key"),
                "Use 1 to 63 letters, digits, '-', '_' and '.'.");
  }
  if (key.starts_with(kReserved)) {
    return fail(ErrorCode::InvalidArgument, cat("label '", shown, "' is reserved"),
                "Keys that begin with 'agentkernel.' are set by agentkernel itself.");
  }
  if (value.empty() || value.size() > kMaxValue || !hasOnly(value, "-_./")) {
    return fail(ErrorCode::InvalidArgument,
                cat("label '", shown, "' has a value that is not allowed: '",
                    printable(value.substr(0, kMaxValue)), "'"),
                "Use 1 to 255 letters, digits, '-', '_', '.' and '/'.");
  }
  return {};
}

}  // namespace

Status validateLabels(const Labels& labels) {
  if (labels.size() > kMaxLabels) {
    return fail(ErrorCode::TooLarge, cat(labels.size(), " labels are too many"),
                cat("A sandbox can have ", kMaxLabels, "."));
  }
  for (const auto& [key, value] : labels) {
    AK_TRY(validateLabel(key, value));
  }
  return {};
}

Result<std::pair<std::string, std::string>> parseLabel(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) {
    return fail(ErrorCode::InvalidArgument, cat("'", printable(text), "' is not a label"),
                cat("Write it as key", std::string_view(&separator, 1), "value."));
  }
  return std::pair(std::string(trim(text.substr(0, at))), std::string(trim(text.substr(at + 1))));
}

bool matches(const Labels& labels, const std::vector<std::pair<std::string, std::string>>& wanted) {
  return std::ranges::all_of(wanted, [&labels](const auto& each) {
    const auto found = labels.find(each.first);
    return found != labels.end() && found->second == each.second;
  });
}

Result<std::string> cleanDescription(std::string_view text) {
  const std::string_view trimmed = trim(text);
  if (trimmed.size() > kMaxDescription) {
    return fail(ErrorCode::TooLarge, cat("a description of ", trimmed.size(), " bytes is too long"),
                cat("At most ", kMaxDescription, " bytes fit."));
  }
  const bool plain = std::ranges::all_of(trimmed, [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 ? c != 0x7f : c == '\n' || c == '\t';
  });
  if (!plain || !isUtf8(trimmed)) {
    return fail(ErrorCode::InvalidArgument, "the description is not plain UTF-8 text",
                "Leave out control characters.");
  }
  return std::string(trimmed);
}

}  // namespace ak::model
