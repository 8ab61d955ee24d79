#include "config/sections/audit.h"

#include <algorithm>

#include "base/text.h"

namespace ak::config {

namespace {

constexpr KeySpec kKeys[] = {
    {"enabled", "true or false", "true", Where::UserOnly, "Write the audit log."},
    {"max_mb", "whole number 1..1024", "16", Where::UserOnly,
     "Size in MiB at which it is rotated."},
    {"max_files", "whole number 1..100", "8", Where::UserOnly, "Rotated files that are kept."},
    {"on_failure", "warn or refuse", "warn", Where::UserOnly,
     "`refuse`: nothing is done while the log cannot be written."},
    {"redact", "list of strings", "[]", Where::UserOnly,
     "Options and variables whose values are secret, and patterns (`corp_*`) of secret words."},
};

Result<AuditFailure> parseFailure(std::string_view word) {
  if (word == "warn") {
    return AuditFailure::Warn;
  }
  if (word == "refuse") {
    return AuditFailure::Refuse;
  }
  return fail(ErrorCode::InvalidArgument, cat("unknown choice '", printable(word), "'"),
              "Use warn or refuse.");
}

// A rule that can match nothing, or everything, is a mistake of its writer.
bool isRule(const std::string& rule) {
  return !rule.empty() && rule.size() <= 256 && rule.find_first_not_of("*") != std::string::npos &&
         std::ranges::none_of(rule,
                              [](unsigned char c) { return c <= ' ' || c == 0x7f || c == '='; });
}

}  // namespace

const SectionSpec kAuditSpec = {"audit", SectionSpec::Shape::Table, kKeys};

Status readAudit(const SectionReader& reader, AuditSection& out) {
  out.enabled = AK_TRY(reader.boolean("enabled"));
  out.max_bytes = AK_TRY(reader.number("max_mb", {1, 1024}));
  if (out.max_bytes) {
    out.max_bytes->value <<= 20U;
  }
  out.max_files = AK_TRY(reader.number32("max_files", {1, 100}));
  out.on_failure = AK_TRY(reader.word<AuditFailure>("on_failure", parseFailure));
  out.redact = AK_TRY(reader.strings("redact"));
  if (out.redact) {
    const auto bad = std::ranges::find_if_not(out.redact->value, isRule);
    if (bad != out.redact->value.end()) {
      return reader.context().invalid(
          reader.find("redact")->at,
          cat("audit.redact: '", printable(*bad), "' is neither a name nor a pattern"),
          "Write an option (\"--licence\"), a variable (\"DB_URL\") or a pattern for whole words "
          "(\"corp_*\").");
    }
  }
  return {};
}

}  // namespace ak::config
