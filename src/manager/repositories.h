#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace ak::manager {

// What git on the host would take for a repository below a writable workspace, beside the `.git` at
// its top: `git status` runs programs that a repository's configuration names, in nested
// repositories and submodules too.
struct Repositories {
  // To be protected, relative to the workspace: `.git` of nested repositories, submodules that are
  // not there yet (git would enter a repository that appears in one), and, where the top has no
  // repository, the names that make a directory one without a `.git` (gitrepository-layout(5)).
  std::vector<std::string> guarded;
  bool top_has_git = false;  // a directory `.git` at the top
  std::string hint;          // what was not searched; "" when all was
};

// Looks through directory `workspace` (a descriptor, of the host), breadth first: at most 20,000
// directories, 8 levels and 300 ms; at most 200 found (TooLarge). Follows no link. Unsupported when
// an index cannot be read: its submodules would be unguarded. Blocking.
Result<Repositories> findRepositories(int workspace);

}  // namespace ak::manager
