#pragma once

#include "config/section_reader.h"

namespace ak::config {

// [sandbox]: what runs.
struct SandboxSection {
  Maybe<std::string> name;
  Maybe<std::string> base_image;
  Maybe<std::string> runtime;
  Maybe<std::vector<std::string>> command;
  Maybe<std::string> init_script;
  bool operator==(const SandboxSection&) const = default;
};

extern const SectionSpec kSandboxSpec;
Status readSandbox(const SectionReader& reader, SandboxSection& out);

}  // namespace ak::config
