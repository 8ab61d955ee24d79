#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace ak::config {

// Who a project file is: its directory and its exact bytes. A clone in another place, a directory
// put in the same place, and an edited file are other projects.
struct ProjectIdentity {
  std::string directory;  // canonical
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::string sha256;  // of the file's content, 64 lower-case hex digits
  bool operator==(const ProjectIdentity&) const = default;
};

// One `agentkernel trust`.
struct TrustGrant {
  ProjectIdentity project;
  std::string granted_at;  // RFC 3339, for people
  bool operator==(const TrustGrant&) const = default;
};

enum class Trusted : bool { No, Yes };

// Yes only when all of a grant is the same.
Trusted evaluateTrust(const std::vector<TrustGrant>& grants, const ProjectIdentity& project);

// The trust file: a TOML file written by us alone, 0600, next to config.toml. A broken one is an
// error (nothing is trusted, and the user learns why), a missing one is an empty list: pass "".
Result<std::vector<TrustGrant>> parseTrust(std::string_view path, std::string_view content);
std::string formatTrust(const std::vector<TrustGrant>& grants);

// The list with `grant` in it; an older grant for the same directory is replaced.
std::vector<TrustGrant> withGrant(std::vector<TrustGrant> grants, TrustGrant grant);

// What an untrusted project file may not have, as PermissionDenied naming the line and how the user
// grants it: a profile, network, seccomp set, root or environment wider than the user's own choice
// (or the built-in default), a profile above moderate, the network, a mount that writes through,
// files from outside the project. Trusted files may; ceilings of the user config bind them all the
// same.
Status checkProject(const ProjectConfig& project, const UserConfig& user, Trusted trusted);

}  // namespace ak::config
