#pragma once

#include "manager/auditor.h"
#include "manager/doctor.h"

namespace ak::manager {

// Is the audit log written? Its content is judged by `agentkernel audit verify`.
DoctorCheck checkAudit(const Auditor& auditor);

}  // namespace ak::manager
