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

constexpr std::array<std::string_view, 8> kProtected = {
    ".claude", ".envrc",    ".git/config", ".git/hooks",
    ".idea",   ".mcp.json", ".vscode",     "agentkernel.toml"};

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

std::span<const std::string_view> protectedPaths() {
  return kProtected;
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
