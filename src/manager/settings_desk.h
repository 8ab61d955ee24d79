#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"
#include "config/trust.h"
#include "env/paths.h"
#include "manager/manager.h"
#include "manager/user_settings.h"
#include "net/loop.h"
#include "policy/profiles.h"

namespace ak::manager {

// The use cases about what the owner wrote: granting trust to a project file, and saying which
// value is in force and where it comes from. What they refer to outlives them.
class SettingsDesk {
 public:
  SettingsDesk(net::WorkerPool& workers,
               UserSettings& settings,
               env::Paths paths,
               const Clock& clock);

  // A project file as the client read it: the bytes that the user could look at are the bytes that
  // are trusted. `path` is absolute.
  struct ProjectFile {
    std::string path;
    std::string content;
  };

  // Writes a grant for exactly this content in exactly this directory. The file must parse, and the
  // directory's name must be UTF-8 (the trust file is TOML). When the call has returned, the grant
  // survives a power cut.
  net::Task<Result<config::TrustGrant>> trust(Caller caller, ProjectFile file);
  // Takes back what was granted to the directory of `path`, whatever the content. NotFound when
  // nothing was.
  net::Task<Status> revoke(Caller caller, std::string path);

  // Every key in force, sorted by section: the owner's file and, when `directory` is not empty, the
  // agentkernel.toml in it (read beneath it only, as `run` would judge it).
  net::Task<Result<std::vector<policy::Provenance>>> show(Caller caller, std::string directory);

 private:
  Result<config::TrustGrant> trustNow(const ProjectFile& file);
  Status revokeNow(const std::string& path);
  Status write(const std::vector<config::TrustGrant>& grants) const;
  Result<config::ProjectConfig> readProject(const std::string& directory,
                                            const UserSettings::Snapshot& user) const;

  net::WorkerPool& workers_;
  UserSettings& settings_;
  const env::Paths paths_;
  const Clock& clock_;
  std::mutex writing_;  // two grants at once must not lose one
};

}  // namespace ak::manager
