#include "policy/sensitive_paths.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "policy/path_rules.h"

namespace ak::policy {

namespace {

bool contains(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// `.hg` and `.jj` as `.git`: hooks, extensions and file monitors that `hg status` and `jj status`
// run by themselves (hgrc(5): a repository of our own user is trusted).
// The rest names programs to an agent, an editor or a shell that opens the directory.
constexpr std::array<std::string_view, 14> kProtected = {
    ".claude", ".codex", ".cursor", ".devcontainer", ".envrc",    ".gemini", ".git",
    ".hg",     ".husky", ".idea",   ".jj",           ".mcp.json", ".vscode", "agentkernel.toml"};

// Of a `.git` that a guest may write: hooks and configuration of the repository, of its submodules
// and its worktrees, and what makes git look for those elsewhere (gitrepository-layout(5)).
constexpr std::array<std::string_view, 7> kGuardedInGit = {
    ".git/commondir", ".git/config",  ".git/config.worktree", ".git/hooks",
    ".git/info",      ".git/modules", ".git/worktrees"};

// Inside .git these name programs or point at another repository's configuration.
constexpr std::array<std::string_view, 5> kProtectedInGit = {"commondir", "config",
                                                             "config.worktree", "gitdir", "hooks"};

constexpr std::array<std::string_view, 26> kCredentials = {
    ".agentkernel",
    ".aws",
    ".azure",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".claude.json",
    ".codex",
    ".config/agentkernel",
    ".config/gcloud",
    ".config/gh",
    ".config/git/credentials",
    ".config/op",
    ".docker",
    ".gem/credentials",
    ".git-credentials",
    ".gnupg",
    ".kube",
    ".local/share/agentkernel",
    ".local/share/keyrings",
    ".mozilla",
    ".netrc",
    ".npmrc",
    ".password-store",
    ".pypirc",
    ".ssh",
    ".vault-token",
};

}  // namespace

Result<std::vector<std::string>> protectedPaths(std::span<const std::string> granted) {
  for (const std::string& path : granted) {
    if (!contains(kProtected, path)) {
      return fail(
          ErrorCode::InvalidArgument,
          cat("'", printable(path), "' is not a path that is protected"),
          cat("These can be granted: ", join({kProtected.begin(), kProtected.end()}, ", "), "."));
    }
  }
  std::vector<std::string> paths;
  for (const std::string_view path : kProtected) {
    if (std::ranges::find(granted, path) == granted.end()) {
      paths.emplace_back(path);
    } else if (path == ".git") {
      paths.insert(paths.end(), kGuardedInGit.begin(), kGuardedInGit.end());
    }
  }
  return paths;
}

bool isProtected(std::string_view relative_path) {
  if (!isPlainRelative(relative_path)) {
    return true;
  }
  const std::string lower = toLower(relative_path);
  const std::vector<std::string_view> components = split(lower, '/');
  for (std::size_t i = 0; i < components.size(); ++i) {
    if (components[i] == ".git") {
      return i + 1 == components.size() ||
             std::any_of(components.begin() + static_cast<std::ptrdiff_t>(i) + 1, components.end(),
                         [](std::string_view c) { return contains(kProtectedInGit, c); });
    }
    if (contains(kProtected, components[i])) {
      return true;
    }
  }
  return false;
}

bool isCredentialPath(std::string_view path, std::string_view home) {
  return !home.empty() && isWithin(path, home) && path != home &&
         std::ranges::any_of(kCredentials, [&](std::string_view credential) {
           return isWithin(relativeTo(path, home), credential);
         });
}

std::vector<std::string> credentialMasks(std::string_view directory, std::string_view home) {
  std::vector<std::string> masks;
  if (home.empty()) {
    return masks;
  }
  for (const std::string_view credential : kCredentials) {
    const std::string place = cat(home == "/" ? "" : home, "/", credential);
    if (isWithin(place, directory) && place != directory) {
      masks.emplace_back(relativeTo(place, directory));
    }
  }
  return masks;
}

}  // namespace ak::policy
