#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "manager/changes.h"

namespace ak::manager {

// Those of the changes that would make or change a git repository without a `.git`: git takes a
// directory with HEAD, objects and refs for one, anywhere, and runs what its config and hooks name
// (gitrepository-layout(5), CVE-2022-24765 and safe.bareRepository in git-config(1)): the part
// itself, not each file in it. Judged with what the host has already, so that a repository does not
// come in pieces either. Whether it is on a file system that folds case does not matter.
Result<std::vector<std::string>> repositoryParts(const Tree& host,
                                                 const std::vector<model::Change>& changes);

}  // namespace ak::manager
