#include "manager/child_rules.h"

#include <array>
#include <mutex>

#include "os/seccomp.h"

namespace ak::manager {

namespace {

// Compiling takes longer than a warm start; the sets never change while we run.
Result<std::string> filterOf(model::SeccompSet set) {
  static std::mutex mutex;
  static std::array<std::string, 4> compiled;
  const std::lock_guard lock(mutex);
  std::string& filter = compiled.at(static_cast<std::size_t>(set));
  if (filter.empty()) {
    filter = AK_TRY(os::compileSeccomp(set));
  }
  return filter;
}

}  // namespace

Result<wire::SandboxRules> childRules(const model::SandboxRecord& record) {
  wire::SandboxRules rules;
  rules.child_filter = AK_TRY(filterOf(record.permissions.seccomp));
  rules.child_capabilities = record.permissions.capabilities;
  rules.owner_lease_ms = record.one_shot ? kOwnerLeaseMs : 0;
  rules.base_environment = record.environment;
  return rules;
}

}  // namespace ak::manager
