#include "policy/command_policy.h"

#include <algorithm>

#include "base/text.h"

namespace ak::policy {

namespace {

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

Status checkOne(const CommandPolicy& policy, std::string_view name) {
  const auto deny = [&](std::string_view why, std::string remedy) {
    return fail(ErrorCode::PolicyDenied,
                cat("command '", printable(name), "' ", why, " (", policy.origin, ")"),
                std::move(remedy));
  };
  if (contains(policy.block, name)) {
    return deny("is blocked by [security.commands]",
                "Use another command, or take it out of 'block'.");
  }
  if (!policy.allowlist_only || contains(policy.allow, name)) {
    return {};
  }
  if (policy.allow.empty()) {
    return deny("is refused: [security.commands] is allowlist_only and allows nothing",
                "Name the commands that may run in 'allow'.");
  }
  return deny("is not in the allow-list of [security.commands]",
              cat("Allowed are: ", printable(join(policy.allow, ", ")), "."));
}

}  // namespace

std::string_view commandName(std::string_view argv0) {
  const std::size_t slash = argv0.rfind('/');
  return slash == std::string_view::npos ? argv0 : argv0.substr(slash + 1);
}

Status checkCommand(std::span<const CommandPolicy> policies, const std::vector<std::string>& argv) {
  if (argv.empty() || commandName(argv[0]).empty()) {
    return fail(ErrorCode::InvalidArgument, "the command has no name",
                "Give a command, for instance: agentkernel run ls");
  }
  for (const CommandPolicy& policy : policies) {
    AK_TRY(checkOne(policy, commandName(argv[0])));
  }
  return {};
}

Status checkAttach(std::span<const CommandPolicy> policies) {
  for (const CommandPolicy& policy : policies) {
    if (policy.allowlist_only || !policy.allow.empty()) {
      return fail(ErrorCode::PolicyDenied,
                  cat("attach is refused: [security.commands] has an allow-list (", policy.origin,
                      "), which cannot see what is typed"),
                  "Run the command with exec, or take the allow-list out.");
    }
  }
  return {};
}

}  // namespace ak::policy
