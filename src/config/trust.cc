#include "config/trust.h"

#include <algorithm>

#include "base/text.h"

namespace ak::config {

namespace {

using model::NetworkMode;
using model::Profile;
using model::SeccompSet;
using model::WorkspaceMode;

template <typename T>
T valueOr(const Maybe<T>& setting, T otherwise) {
  return setting ? setting->value : otherwise;
}

Status denied(const Origin& origin, std::string_view wish) {
  return fail(ErrorCode::PermissionDenied,
              cat(origin.precise(), ": the project asks for ", wish,
                  ", which a project may not have unasked"),
              "Read the file; if you agree, grant it with: agentkernel trust");
}

Status checkSwitches(const SecuritySection& project, const SecuritySection& user) {
  const Profile allowed = valueOr(user.profile, Profile::Moderate);
  if (project.profile && (project.profile->value == Profile::Permissive ||
                          width(project.profile->value) > width(allowed))) {
    return denied(project.profile->origin, cat("profile ", model::name(project.profile->value)));
  }
  if (project.network && project.network->value != NetworkMode::None &&
      project.network->value != valueOr(user.network, NetworkMode::None)) {
    return denied(project.network->origin, cat("network ", model::name(project.network->value)));
  }
  const SeccompSet set = valueOr(user.seccomp, seccompSetOf(allowed));
  if (project.seccomp && width(project.seccomp->value) > width(set)) {
    return denied(project.seccomp->origin,
                  cat("the system calls of '", model::name(project.seccomp->value), "'"));
  }
  const bool read_only = valueOr(user.read_only, allowed == Profile::Restrictive);
  if (project.read_only && !project.read_only->value && read_only) {
    return denied(project.read_only->origin, "a writable root");
  }
  if (project.pass_env && project.pass_env->value &&
      !valueOr(user.pass_env, allowed == Profile::Permissive)) {
    return denied(project.pass_env->origin, "the environment of the host");
  }
  return {};
}

Status checkMount(const SecuritySection& project, const SecuritySection& user) {
  if (!project.mount || project.mount->value == WorkspaceMode::None) {
    return {};
  }
  if (project.mount->value == WorkspaceMode::ReadWrite) {
    return denied(project.mount->origin, "a mount that writes into the project");
  }
  if (user.mount && user.mount->value == WorkspaceMode::None) {
    return denied(project.mount->origin, "the working directory");
  }
  return {};
}

// A relative path that cannot leave the directory; links inside are refused when it is opened.
bool staysInside(std::string_view source) {
  return !source.starts_with('/') && !source.starts_with('~') &&
         std::ranges::none_of(split(source, '/'), [](std::string_view c) { return c == ".."; });
}

}  // namespace

Trusted evaluateTrust(const std::vector<TrustGrant>& grants, const ProjectIdentity& project) {
  const bool found = std::ranges::any_of(
      grants, [&](const TrustGrant& grant) { return grant.project == project; });
  return found ? Trusted::Yes : Trusted::No;
}

Status checkProject(const ProjectConfig& project, const UserConfig& user, Trusted trusted) {
  if (trusted == Trusted::Yes) {
    return {};
  }
  AK_TRY(checkSwitches(project.security, user.security));
  AK_TRY(checkMount(project.security, user.security));
  for (const FileEntry& file : project.files) {
    if (!staysInside(file.source.value)) {
      return denied(file.source.origin,
                    cat("a file outside the project, '", printable(file.source.value), "'"));
    }
  }
  return {};
}

}  // namespace ak::config
