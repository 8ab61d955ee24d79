#include "config/sections/log.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace ak::config {

namespace {

constexpr KeySpec kKeys[] = {
    {"level", "debug, info, warning or error", "info", Where::UserOnly, "Least level written."},
    {"max_mb", "whole number 1..1024", "16", Where::UserOnly,
     "Size in MiB at which it is rotated."},
    {"max_files", "whole number 1..100", "4", Where::UserOnly, "Rotated files that are kept."},
};

Result<LogLevel> parseLevel(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, LogLevel>, 4> kLevels = {
      {{"debug", LogLevel::Debug},
       {"info", LogLevel::Info},
       {"warning", LogLevel::Warning},
       {"error", LogLevel::Error}}};
  for (const auto& [name, level] : kLevels) {
    if (name == word) {
      return level;
    }
  }
  return fail(ErrorCode::InvalidArgument, cat("unknown level '", printable(word), "'"),
              "Use debug, info, warning or error.");
}

}  // namespace

const SectionSpec kLogSpec = {"log", SectionSpec::Shape::Table, kKeys};

Status readLog(const SectionReader& reader, LogSection& out) {
  out.level = AK_TRY(reader.word<LogLevel>("level", parseLevel));
  out.max_bytes = AK_TRY(reader.number("max_mb", {1, 1024}));
  if (out.max_bytes) {
    out.max_bytes->value <<= 20U;
  }
  out.max_files = AK_TRY(reader.number32("max_files", {1, 100}));
  return {};
}

}  // namespace ak::config
