#pragma once

#include "config/section_reader.h"

namespace ak::config {

// [security.commands]: base names of argv[0], and nothing more (policy/command_policy.h).
struct CommandsSection {
  Maybe<std::vector<std::string>> allow;
  Maybe<std::vector<std::string>> block;
  Maybe<bool> allowlist_only;
  Origin origin;  // of the section; line 0 when there is none
  bool operator==(const CommandsSection&) const = default;
};

extern const SectionSpec kCommandsSpec;
Status readCommands(const SectionReader& reader, CommandsSection& out);

}  // namespace ak::config
