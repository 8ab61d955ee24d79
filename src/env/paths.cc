#include "env/paths.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/text.h"

namespace ak::env {

namespace {

// Longest name that anything of ours puts into the runtime directory as a socket.
constexpr std::string_view kLongestSocketName = "/launcher.sock";

bool fitsSockets(const std::string& directory) {
  return directory.size() + kLongestSocketName.size() <= kMaxSocketPath;
}

std::string runtimeDirectory(const Environment& environment,
                             const UserIdentity& user,
                             const std::string& state) {
  if (auto xdg = absolutePath(environment, "XDG_RUNTIME_DIR")) {
    if (fitsSockets(*xdg + "/agentkernel")) {
      return *xdg + "/agentkernel";
    }
  }
  const std::string run_user = cat("/run/user/", user.uid);
  if (user.owns_directory(run_user)) {
    return run_user + "/agentkernel";
  }
  if (user.uid == 0) {
    return "/run/agentkernel";
  }
  if (fitsSockets(state + "/run")) {
    return state + "/run";
  }
  return cat("/tmp/agentkernel-", user.uid);
}

// nullopt: not set.
Result<std::optional<std::string>> ownVariable(const Environment& environment, const char* name) {
  if (!nonEmpty(environment, name)) {
    return std::nullopt;
  }
  if (auto path = absolutePath(environment, name)) {
    return path;
  }
  return fail(ErrorCode::InvalidArgument, cat(name, " is not an absolute path"),
              cat("Set ", name, " to a path that begins with '/', or unset it."));
}

std::string homeFromPasswd() {
  struct passwd entry{};
  struct passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return {};
  }
  return found->pw_dir == nullptr ? std::string() : std::string(found->pw_dir);
}

bool ownsDirectory(const std::string& path) {
  struct stat info{};
  return lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == getuid();
}

}  // namespace

Result<Paths> findPaths(const Environment& environment, const UserIdentity& user) {
  Paths paths;
  auto home = absolutePath(environment, "HOME");
  paths.home = home ? *home : user.home_of_uid();
  if (paths.home.empty() || paths.home.front() != '/') {
    return fail(ErrorCode::InvalidArgument, cat("no home directory is known for user ", user.uid),
                "Set HOME to an absolute path.");
  }
  auto state = AK_TRY(ownVariable(environment, "AGENTKERNEL_STATE_DIR"));
  if (!state) {
    const auto data = absolutePath(environment, "XDG_DATA_HOME");
    state = (data ? *data : paths.home + "/.local/share") + "/agentkernel";
  }
  paths.state = *std::move(state);
  const bool default_state = paths.state == paths.home + "/.local/share/agentkernel";
  paths.audit_log = (default_state ? paths.home + "/.agentkernel" : paths.state) + "/audit.jsonl";
  paths.runtime = runtimeDirectory(environment, user, paths.state);
  const auto config = absolutePath(environment, "XDG_CONFIG_HOME");
  paths.config_directory = (config ? *config : paths.home + "/.config") + "/agentkernel";
  auto user_config = AK_TRY(ownVariable(environment, "AGENTKERNEL_CONFIG"));
  paths.user_config =
      user_config ? *std::move(user_config) : paths.config_directory + "/config.toml";
  paths.trust_file = paths.config_directory + "/trust.toml";
  return paths;
}

Result<Paths> findPaths() {
  return findPaths(processEnvironment(), {getuid(), homeFromPasswd, ownsDirectory});
}

}  // namespace ak::env
