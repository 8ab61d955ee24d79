#include "model/permissions.h"

#include <array>
#include <optional>
#include <utility>

#include "base/text.h"

namespace ak::model {

namespace {

template <typename T, std::size_t N>
using Words = std::array<std::pair<T, std::string_view>, N>;

// One row per value, in enum order: name() indexes it.
constexpr Words<Profile, 4> kProfiles = {{{Profile::Permissive, "permissive"},
                                          {Profile::Moderate, "moderate"},
                                          {Profile::Restrictive, "restrictive"},
                                          {Profile::Custom, "custom"}}};
constexpr Words<NetworkMode, 3> kNetworks = {
    {{NetworkMode::None, "none"}, {NetworkMode::Proxy, "proxy"}, {NetworkMode::Full, "full"}}};
constexpr Words<WorkspaceMode, 4> kWorkspaces = {{{WorkspaceMode::None, "none"},
                                                  {WorkspaceMode::Cow, "cow"},
                                                  {WorkspaceMode::ReadWrite, "rw"},
                                                  {WorkspaceMode::ReadOnly, "ro"}}};
constexpr Words<SeccompSet, 4> kSeccompSets = {{{SeccompSet::Default, "default"},
                                                {SeccompSet::Moderate, "moderate"},
                                                {SeccompSet::Restrictive, "restrictive"},
                                                {SeccompSet::AiAgent, "ai-agent"}}};

template <typename T, std::size_t N>
Result<T> parseWord(const Words<T, N>& words,
                    std::string_view what,
                    std::string_view word,
                    std::optional<T> unoffered = std::nullopt) {
  std::vector<std::string_view> names;
  std::string accepted;
  for (const auto& [value, text] : words) {
    if (text == word) {
      return value;
    }
    if (value == unoffered) {
      continue;
    }
    names.push_back(text);
    accepted += accepted.empty() ? "" : ", ";
    accepted += text;
  }
  const std::string_view nearest = nearestWord(toLower(word), names);
  return fail(ErrorCode::InvalidArgument,
              cat("unknown ", what, " '", printable(word.substr(0, 64)), "'"),
              nearest.empty() ? cat("Use one of: ", accepted, ".")
                              : cat("Did you mean '", nearest, "'? Accepted: ", accepted, "."));
}

template <typename T, std::size_t N>
std::string_view wordOf(const Words<T, N>& words, T value) {
  return words.at(static_cast<std::size_t>(value)).second;
}

}  // namespace

std::string_view name(Profile value) {
  return wordOf(kProfiles, value);
}

std::string_view name(NetworkMode value) {
  return wordOf(kNetworks, value);
}

std::string_view name(WorkspaceMode value) {
  return wordOf(kWorkspaces, value);
}

std::string_view name(SeccompSet value) {
  return wordOf(kSeccompSets, value);
}

Result<Profile> parseProfile(std::string_view word) {
  return parseWord(kProfiles, "profile", word);
}

Result<NetworkMode> parseNetworkMode(std::string_view word) {
  // Understood, so that it can be refused as what it is, but advertised to nobody.
  return parseWord(kNetworks, "network mode", word, std::optional(NetworkMode::Proxy));
}

Result<WorkspaceMode> parseWorkspaceMode(std::string_view word) {
  return parseWord(kWorkspaces, "mount mode", word);
}

Result<SeccompSet> parseSeccompSet(std::string_view word) {
  return parseWord(kSeccompSets, "seccomp set", word);
}

int width(Profile profile) {
  switch (profile) {
    case Profile::Restrictive:
      return 0;
    case Profile::Moderate:
    case Profile::Custom:
      return 1;
    case Profile::Permissive:
      return 2;
  }
  return 2;
}

int width(NetworkMode mode) {
  switch (mode) {
    case NetworkMode::None:
      return 0;
    case NetworkMode::Proxy:
      return 1;
    case NetworkMode::Full:
      return 2;
  }
  return 2;
}

int width(SeccompSet set) {
  switch (set) {
    case SeccompSet::Restrictive:
      return 0;
    case SeccompSet::AiAgent:
      return 1;
    case SeccompSet::Moderate:
      return 2;
    case SeccompSet::Default:
      return 3;
  }
  return 3;
}

SeccompSet seccompSetOf(Profile profile) {
  switch (profile) {
    case Profile::Permissive:
      return SeccompSet::Default;
    case Profile::Moderate:
    case Profile::Custom:
      return SeccompSet::Moderate;
    case Profile::Restrictive:
      return SeccompSet::Restrictive;
  }
  return SeccompSet::Restrictive;
}

}  // namespace ak::model
