#include "manager/child_rules.h"

#include <array>
#include <mutex>

#include "os/seccomp.h"

namespace ak::manager {

namespace {

// Compiling takes longer than a warm start; the sets never change while we run.
Result<std::string> filterOf(model::SeccompSet set, os::SetIdFiles files) {
  static std::mutex mutex;
  static std::array<std::string, 8> compiled;
  const std::lock_guard lock(mutex);
  const std::size_t refused = files == os::SetIdFiles::Refused ? 1 : 0;
  std::string& filter = compiled.at(2 * static_cast<std::size_t>(set) + refused);
  if (filter.empty()) {
    filter = AK_TRY(os::compileSeccomp(set, files));
  }
  return filter;
}

}  // namespace

Result<wire::SandboxRules> childRules(const model::SandboxRecord& record) {
  wire::SandboxRules rules;
  const bool writes_to_host = record.permissions.workspace == model::WorkspaceMode::ReadWrite;
  rules.child_filter =
      AK_TRY(filterOf(record.permissions.seccomp,
                      writes_to_host ? os::SetIdFiles::Refused : os::SetIdFiles::Allowed));
  rules.child_capabilities = record.permissions.capabilities;
  rules.owner_lease_ms = record.one_shot ? kOwnerLeaseMs : 0;
  rules.base_environment = record.environment;
  return rules;
}

}  // namespace ak::manager
