#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ak::policy {

// Two lists: what the host later executes or trusts in a project (the guest must not write it), and
// where a home keeps credentials (the guest must not read them).

// For BoxWorkspace::protected_paths of a writable mount: relative to the workspace, top level only,
// since a bind mount cannot guard a depth that does not exist yet; `apply` uses isProtected. What
// is granted is left out; of a granted `.git` the parts stay that name programs or lead git
// elsewhere. InvalidArgument for a grant that is none of the protected names.
Result<std::vector<std::string>> protectedPaths(std::span<const std::string> granted);

// May the host run or trust this path of a project? At any depth, without regard to ASCII case
// (CVE-2014-9390: `.GIT` is `.git` on case-folding file systems). `.git` itself counts: replaced by
// a file or a link it points git at a configuration of the guest's choice. So do the parts of
// `.git` that name programs (hooks, config, of worktrees and submodules too). Fail-closed: a path
// that is not plain and relative is protected.
bool isProtected(std::string_view relative_path);

// Absolute `path` is, or lies within, a place where `home` keeps credentials.
bool isCredentialPath(std::string_view path, std::string_view home);

// The credential places of `home` that lie below `directory`, relative to it.
std::vector<std::string> credentialMasks(std::string_view directory, std::string_view home);

}  // namespace ak::policy
