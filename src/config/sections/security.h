#pragma once

#include "config/section_reader.h"
#include "model/permissions.h"

namespace ak::config {

// [security]: profile and what differs from it.
struct SecuritySection {
  Maybe<model::Profile> profile;
  Maybe<model::NetworkMode> network;
  Maybe<model::WorkspaceMode> mount;
  Maybe<model::SeccompSet> seccomp;
  Maybe<bool> read_only;
  Maybe<bool> pass_env;
  bool operator==(const SecuritySection&) const = default;
};

extern const SectionSpec kSecuritySpec;
Status readSecurity(const SectionReader& reader, SecuritySection& out);

}  // namespace ak::config
