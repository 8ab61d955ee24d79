#include "manager/wishes.h"

namespace ak::manager {

namespace {

template <typename T>
policy::MaybeWish<T> wish(const config::Maybe<T>& setting) {
  if (!setting) {
    return std::nullopt;
  }
  return policy::Wish<T>{setting->value, setting->origin.text()};
}

template <typename T>
policy::MaybeWish<T> wish(const std::optional<T>& value, const char* flag) {
  if (!value) {
    return std::nullopt;
  }
  return policy::Wish<T>{*value, flag};
}

}  // namespace

policy::Wishes wishesOf(const config::Config& config) {
  policy::Wishes wishes;
  wishes.profile = wish(config.security.profile);
  wishes.network = wish(config.security.network);
  wishes.seccomp = wish(config.security.seccomp);
  wishes.read_only_root = wish(config.security.read_only);
  wishes.pass_environment = wish(config.security.pass_env);
  wishes.memory_bytes = wish(config.resources.memory_bytes);
  wishes.cpu_percent = wish(config.resources.cpu_percent);
  wishes.pids = wish(config.resources.pids);
  wishes.disk_bytes = wish(config.resources.disk_bytes);
  return wishes;
}

policy::Wishes wishesOf(const model::AskedLimits& limits) {
  policy::Wishes wishes;
  wishes.memory_bytes = wish(limits.memory_bytes, "--memory");
  wishes.cpu_percent = wish(limits.cpu_percent, "--cpus");
  wishes.pids = wish(limits.pids, "--pids");
  wishes.disk_bytes = wish(limits.disk_bytes, "--disk");
  return wishes;
}

policy::Wishes wishesOf(const model::RunRequest& request) {
  policy::Wishes wishes = wishesOf(static_cast<const model::AskedLimits&>(request));
  wishes.profile = wish(request.profile, "--profile");
  wishes.network = wish(request.network, "--network");
  return wishes;
}

policy::LimitCeilings ceilingsOf(const config::UserConfig& config) {
  policy::LimitCeilings ceilings;
  ceilings.memory_bytes = wish(config.limits.memory_bytes);
  ceilings.cpu_percent = wish(config.limits.cpu_percent);
  ceilings.pids = wish(config.limits.pids);
  ceilings.disk_bytes = wish(config.limits.disk_bytes);
  return ceilings;
}

policy::CommandPolicy commandPolicyOf(const config::Config& config) {
  policy::CommandPolicy policy;
  const config::CommandsSection& commands = config.commands;
  policy.allow = commands.allow ? commands.allow->value : std::vector<std::string>{};
  policy.block = commands.block ? commands.block->value : std::vector<std::string>{};
  policy.allowlist_only = commands.allowlist_only && commands.allowlist_only->value;
  policy.origin = commands.origin.text();
  return policy;
}

}  // namespace ak::manager
