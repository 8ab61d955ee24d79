#pragma once

#include "config/section_reader.h"

namespace ak::config {

enum class AuditFailure : std::uint8_t { Warn, Refuse };

// [audit]: what was done, by whom.
struct AuditSection {
  Maybe<bool> enabled;
  Maybe<std::uint64_t> max_bytes;
  Maybe<std::uint32_t> max_files;
  Maybe<AuditFailure> on_failure;
  Maybe<std::vector<std::string>> redact;
  bool operator==(const AuditSection&) const = default;
};

extern const SectionSpec kAuditSpec;
Status readAudit(const SectionReader& reader, AuditSection& out);

}  // namespace ak::config
