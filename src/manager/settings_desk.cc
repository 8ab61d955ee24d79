#include "manager/settings_desk.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include <cerrno>
#include <filesystem>

#include "base/text.h"
#include "crypto/sha256.h"
#include "manager/config_lines.h"
#include "manager/workspace_directory.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

constexpr std::size_t kMaxProjectFile = std::size_t{1} << 20U;

// The directory that a project file stands in.
std::string directoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status checkCaller(Caller caller) {
  if (!caller.local) {
    return fail(ErrorCode::PermissionDenied, "only local callers may use the owner's settings",
                "Run the command on the daemon's machine.");
  }
  return {};
}

Status checkPath(const std::string& path) {
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
    return fail(ErrorCode::InvalidArgument, "'path' must be an absolute path",
                "Name the project's agentkernel.toml.");
  }
  return {};
}

}  // namespace

SettingsDesk::SettingsDesk(net::WorkerPool& workers,
                           UserSettings& settings,
                           env::Paths paths,
                           const Clock& clock)
    : workers_(workers), settings_(settings), paths_(std::move(paths)), clock_(clock) {}

net::Task<Result<config::TrustGrant>> SettingsDesk::trust(Caller caller, ProjectFile file) {
  AK_CO_TRY(checkCaller(caller));
  AK_CO_TRY(checkPath(file.path));
  co_return co_await workers_.run([&] { return trustNow(file); });
}

net::Task<Status> SettingsDesk::revoke(Caller caller, std::string path) {
  AK_CO_TRY(checkCaller(caller));
  AK_CO_TRY(checkPath(path));
  co_return co_await workers_.run([&] { return revokeNow(path); });
}

Result<config::TrustGrant> SettingsDesk::trustNow(const ProjectFile& file) {
  const config::ProjectConfig project = AK_TRY(config::parseProject(file.path, file.content));
  const WorkspaceDirectory directory = AK_TRY(lookAtWorkspace(directoryOf(file.path)));
  if (!isUtf8(directory.host.path)) {
    return fail(ErrorCode::InvalidArgument,
                cat("the name of ", printable(directory.host.path), " is not UTF-8"),
                "Rename the directory: a grant for it could not be written down.");
  }
  const std::lock_guard lock(writing_);
  const auto user = AK_TRY(settings_.current());
  // Not even a trusted file gets past the owner's ceilings: say so now and not at the next run.
  AK_TRY(config::checkProject(project, user->config, config::Trusted::Yes));
  config::TrustGrant grant{{directory.host.path, directory.host.device, directory.host.inode,
                            crypto::sha256Hex(file.content)},
                           formatTime(clock_.wall())};
  AK_TRY(write(config::withGrant(user->grants, grant)));
  return grant;
}

Status SettingsDesk::revokeNow(const std::string& path) {
  // A directory that is gone is still known by the name that it had.
  const std::string asked = directoryOf(path);
  const auto found = lookAtWorkspace(asked);
  const std::string& directory = found ? found->host.path : asked;
  const std::lock_guard lock(writing_);
  const auto user = AK_TRY(settings_.current());
  std::vector<config::TrustGrant> grants = user->grants;
  const std::size_t taken = std::erase_if(grants, [&](const config::TrustGrant& grant) {
    return grant.project.directory == directory;
  });
  if (taken == 0) {
    return fail(ErrorCode::NotFound, cat("nothing was granted to ", printable(directory)),
                "Name the directory whose agentkernel.toml was trusted.");
  }
  return write(grants);
}

Status SettingsDesk::write(const std::vector<config::TrustGrant>& grants) const {
  const std::filesystem::path file(paths_.trust_file);
  const sys::OwnedFd directory = AK_TRY(sys::makePrivateDirectory(file.parent_path()));
  return sys::replaceFile(directory.get(), file.filename(), config::formatTrust(grants), 0600);
}

net::Task<Result<std::vector<policy::Provenance>>> SettingsDesk::show(Caller caller,
                                                                      std::string directory) {
  AK_CO_TRY(checkCaller(caller));
  if (!directory.empty()) {
    AK_CO_TRY(checkPath(directory));
  }
  co_return co_await workers_.run([&]() -> Result<std::vector<policy::Provenance>> {
    const auto user = AK_TRY(settings_.current());
    config::ProjectConfig project;
    if (!directory.empty()) {
      project = AK_TRY(readProject(directory, *user));
    }
    return linesOf(user->config, project);
  });
}

Result<config::ProjectConfig> SettingsDesk::readProject(const std::string& directory,
                                                        const UserSettings::Snapshot& user) const {
  const WorkspaceDirectory place = AK_TRY(lookAtWorkspace(directory));
  const sys::OwnedFd base = AK_TRY(sys::openPath(place.host.path, O_PATH | O_DIRECTORY));
  const std::string path = cat(place.host.path, "/agentkernel.toml");
  const auto content = sys::readRegularFile(base.get(), "agentkernel.toml", kMaxProjectFile,
                                            RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
  if (!content) {
    // A directory there holds the name while a sandbox has the workspace writable.
    const int error_number = content.error().sys_errno;
    if (error_number == ENOENT || error_number == EISDIR) {
      return config::ProjectConfig{};
    }
    return fail(content.error().code,
                cat("cannot read ", printable(path), ": ", content.error().message),
                "Make it a readable file of at most 1 MiB, inside its directory.");
  }
  config::ProjectConfig project = AK_TRY(config::parseProject(path, *content));
  const config::ProjectIdentity identity{place.host.path, place.host.device, place.host.inode,
                                         crypto::sha256Hex(*content)};
  AK_TRY(config::checkProject(project, user.config, config::evaluateTrust(user.grants, identity)));
  return project;
}

}  // namespace ak::manager
