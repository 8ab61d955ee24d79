#pragma once

#include <string>

#include "base/result.h"
#include "env/environment.h"

namespace ak::env {

// Where things are, for one user. All absolute, without a trailing slash; nothing is created and
// nothing but the runtime directory is looked at.
struct Paths {
  std::string home;
  // $AGENTKERNEL_STATE_DIR, else $XDG_DATA_HOME/agentkernel, else HOME/.local/share/agentkernel.
  std::string state;
  // Socket, launcher socket, per-box scratch; gone after a reboot. $XDG_RUNTIME_DIR/agentkernel,
  // else /run/user/<uid>/agentkernel when /run/user/<uid> is ours, else for root /run/agentkernel,
  // else <state>/run, else (socket path over the limit) /tmp/agentkernel-<uid>. A directory made
  // below /tmp must be checked for its owner by who makes it (sys::makePrivateDirectory does).
  std::string runtime;
  // $XDG_CONFIG_HOME/agentkernel, else HOME/.config/agentkernel.
  std::string config_directory;
  // $AGENTKERNEL_CONFIG, else <config_directory>/config.toml.
  std::string user_config;
  // What `agentkernel trust` granted; beside config.toml so that a copied config takes it along,
  // and a file of its own so that no program ever rewrites what the user wrote by hand.
  std::string trust_file;
  // HOME/.agentkernel/audit.jsonl, where other implementations have it; <state>/audit.jsonl when
  // the state directory is not the default one, since a log belongs to one daemon.
  std::string audit_log;

  std::string auditHead() const { return state + "/audit.head"; }

  std::string daemonSocket() const { return runtime + "/daemon.sock"; }

  bool operator==(const Paths&) const = default;
};

// sun_path holds 108 bytes with the final NUL (unix(7)).
inline constexpr std::size_t kMaxSocketPath = 107;

struct UserIdentity {
  unsigned uid = 0;
  // Asked only when HOME is missing or relative; empty when the user is unknown.
  std::function<std::string()> home_of_uid;
  // Is `path` a directory that belongs to the user? Keeps a stranger's /run/user/N out.
  std::function<bool(const std::string& path)> owns_directory;
};

// InvalidArgument when no home can be found, or when AGENTKERNEL_STATE_DIR or AGENTKERNEL_CONFIG is
// a relative path: unlike XDG's these are ours, and ignoring them would hide a mistake.
Result<Paths> findPaths(const Environment& environment, const UserIdentity& user);

// The same for this process.
Result<Paths> findPaths();

}  // namespace ak::env
