#include "manager/audited_snapshots.h"

#include "manager/operation_record.h"

namespace ak::manager {

namespace {

using audit::Event;
using audit::Kind;

}  // namespace

net::Task<Result<Snapshots::Taken>> AuditedSnapshots::take(std::string sandbox, std::string name) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> known = co_await inner_.get(sandbox);
  OperationRecord record(
      auditor_, caller_,
      OperationRecord::aboutSandbox(Kind::SnapshotTaken, "snapshot_take", sandbox, known));
  Result<Taken> taken = co_await inner_.snapshots().take(std::move(sandbox), std::move(name));
  if (!taken) {
    record.failed(taken.error());
    co_return taken;
  }
  Event event = record.event();
  event.text("snapshot", taken->snapshot.name);
  if (taken->pause) {
    event.number("pause_us", taken->pause->count());
  }
  record.done(std::move(event));
  co_return taken;
}

net::Task<Status> AuditedSnapshots::remove(std::string name) {
  AK_CO_TRY(auditor_.ready());
  OperationRecord record(auditor_, caller_, {Kind::SnapshotRemoved, "snapshot_remove", {}, {}, {}});
  Status removed = co_await inner_.snapshots().remove(name);
  if (removed) {
    Event event = auditor_.about(Kind::SnapshotRemoved, caller_);
    record.done(event.text("snapshot", name));
  } else {
    record.failed(removed.error());
  }
  co_return removed;
}

// A sandbox that comes from another is made all the same: what it came from stands beside it.
net::Task<Result<SandboxView>> AuditedSnapshots::restore(std::string name, std::string as) {
  AK_CO_TRY(auditor_.ready());
  OperationRecord record(auditor_, caller_, {Kind::SandboxCreated, "snapshot_restore", as, {}, {}});
  Result<SandboxView> made = co_await inner_.snapshots().restore(name, std::move(as));
  if (!made) {
    record.failed(made.error());
    co_return made;
  }
  const model::SandboxRecord& is = made->record;
  Event event = auditor_.about(Kind::SandboxCreated, caller_);
  addSandbox(event, "name", is.name, is.uuid);
  event.text("image", is.image).text("backend", is.backend).text("snapshot", name);
  record.done(addSecurity(event, is.permissions));
  co_return made;
}

net::Task<Result<Snapshots::Forked>> AuditedSnapshots::makeFork(std::string sandbox,
                                                                std::string child) {
  AK_CO_TRY(auditor_.ready());
  OperationRecord record(auditor_, caller_, {Kind::SandboxCreated, "fork", child, {}, {}});
  const Result<SandboxView> parent = co_await inner_.get(sandbox);
  Result<Forked> forked =
      co_await inner_.snapshots().makeFork(std::move(sandbox), std::move(child));
  if (!forked) {
    record.failed(forked.error());
    co_return forked;
  }
  Event event = auditor_.about(Kind::SandboxCreated, caller_);
  addSandbox(event, "name", forked->name, forked->uuid);
  if (parent) {
    const model::SandboxRecord& is = parent->record;
    event.text("image", is.image).text("backend", is.backend).text("parent", is.name);
    addSecurity(event, is.permissions);
  }
  record.done(std::move(event));
  co_return forked;
}

}  // namespace ak::manager
