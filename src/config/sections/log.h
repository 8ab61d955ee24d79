#pragma once

#include "config/section_reader.h"

namespace ak::config {

enum class LogLevel : std::uint8_t { Debug, Info, Warning, Error };

// [log]: the daemon's log.
struct LogSection {
  Maybe<LogLevel> level;
  Maybe<std::uint64_t> max_bytes;
  Maybe<std::uint32_t> max_files;
  bool operator==(const LogSection&) const = default;
};

extern const SectionSpec kLogSpec;
Status readLog(const SectionReader& reader, LogSection& out);

}  // namespace ak::config
