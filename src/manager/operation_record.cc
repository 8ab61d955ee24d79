#include "manager/operation_record.h"

namespace ak::manager {

OperationRecord::What OperationRecord::aboutSandbox(audit::Kind kind,
                                                    std::string_view operation,
                                                    const std::string& name,
                                                    const Result<SandboxView>& known) {
  return {kind, operation, known ? known->record.name : name, known ? known->record.uuid : "", {}};
}

audit::Event OperationRecord::event() const {
  audit::Event event = auditor_.about(what_.kind, caller_);
  // Events about nothing but a sandbox call it `name`, as other implementations do.
  const bool named = audit::kindInfo(what_.kind).name.starts_with("sandbox_");
  if (!what_.sandbox.empty()) {
    addSandbox(event, named ? "name" : "sandbox", what_.sandbox, what_.uuid);
  }
  if (!what_.path.empty()) {
    event.text("path", what_.path, audit::Event::kMaxPath);
  }
  return event;
}

void OperationRecord::done(audit::Event event) {
  told_ = true;
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(auditor_.clock().steady() - begun_);
  auditor_.record(event.number("duration_ms", took.count()));
}

}  // namespace ak::manager
