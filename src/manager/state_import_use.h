#pragma once

#include "manager/foreign_state.h"
#include "manager/lifecycle.h"
#include "manager/planner.h"
#include "manager/state_import.h"

namespace ak::manager {

// Takes over the records of another implementation's sandboxes: what its files say, not what its
// containers hold. Those of backends that are not in use here are kept and shown, and nothing is
// done to what they name. One that is known already is passed over, so that an import that was cut
// short is finished by another. References outlive it.
class StateImport {
 public:
  StateImport(const Foundation& foundation, Planner& planner, Lifecycle& lifecycle)
      : foundation_(foundation), planner_(planner), lifecycle_(lifecycle) {}

  net::Task<Result<StateImported>> import(StateImportRequest request);

 private:
  // "" for one that is new.
  std::string reasonToSkip(const model::SandboxRecord& record) const;
  // Completes what was read and keeps it.
  net::Task<Status> takeOver(model::ReadState& state, bool dry_run);
  net::Task<void> refuse(const StateImportRequest& request,
                         const ForeignFile& file,
                         StateImported& result);

  const Foundation& foundation_;
  Planner& planner_;
  Lifecycle& lifecycle_;
};

}  // namespace ak::manager
