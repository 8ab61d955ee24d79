#include "manager/audit_check.h"

#include "base/text.h"

namespace ak::manager {

DoctorCheck checkAudit(const Auditor& auditor) {
  if (auditor.log() == nullptr) {
    return {"audit", CheckStatus::Info, "the audit log is switched off", ""};
  }
  const audit::Log::Stats stats = auditor.log()->stats();
  if (!stats.failing.empty()) {
    return {"audit", CheckStatus::Error,
            cat("the audit log cannot be written: ", stats.failing, "; ", stats.lost,
                " events are lost"),
            cat("Free space on the disk of ", auditor.log()->path(), ", and mind its owner.")};
  }
  if (stats.lost != 0) {
    return {"audit", CheckStatus::Warning,
            cat(stats.lost, " events could not be written since the daemon began"),
            "The events_lost lines say when: agentkernel audit --type events_lost"};
  }
  return {"audit", CheckStatus::Ok, auditor.log()->path(), ""};
}

}  // namespace ak::manager
