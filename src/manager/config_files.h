#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/sections/files.h"
#include "model/run_request.h"
#include "policy/language.h"

// What a configuration or a project directory makes the daemon read from the host. Blocking.
namespace ak::manager {

// How far a source may lead: an untrusted project reads only beneath its own directory, whatever
// links it holds (openat2 RESOLVE_BENEATH).
enum class Reach { Beneath, Anywhere };

inline constexpr std::size_t kMaxInjectedFile = std::size_t{16} << 20U;
inline constexpr std::size_t kMaxInjectedTotal = std::size_t{64} << 20U;

Status readConfiguredFiles(const std::vector<config::FileEntry>& entries,
                           const std::string& directory,
                           Reach reach,
                           std::vector<model::FileInjection>& out);

// The names in a project's directory (at most 10,000 are looked at) and its Procfile.
Status lookForLanguages(const std::string& directory, policy::ImageQuestion& question);

}  // namespace ak::manager
