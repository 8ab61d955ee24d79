#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/permissions.h"

namespace ak::policy {

struct WorkspaceQuestion {
  std::string path;  // canonical host path of the client's directory; "" = the client has none
  std::string home;  // canonical home of the user; "" unknown
  std::optional<model::WorkspaceMode> asked;
  // Canonical paths of our state, runtime, config and vault directories.
  std::vector<std::string> own_directories;
};

struct WorkspaceDecision {
  model::WorkspaceMode mode = model::WorkspaceMode::None;
  std::string hint;  // why nothing is mounted; one sentence, empty when as expected
  // Credential directories and files below the path, relative to it: the guest must see them empty.
  std::vector<std::string> masks;
};

// Which way the working directory enters the sandbox. Nobody asked: copy-on-write, or nothing with
// a hint when the directory is too wide to show (home or above, a system directory, another user's
// home, anything around or inside our own directories or a credential directory). Asked for such a
// directory by name: PolicyDenied with the remedy. InvalidArgument when a path is not canonical.
Result<WorkspaceDecision> decideWorkspace(const WorkspaceQuestion& question);

// Why `path` may not be a workspace; "" when it may.
std::string whyTooWide(const WorkspaceQuestion& question);

}  // namespace ak::policy
