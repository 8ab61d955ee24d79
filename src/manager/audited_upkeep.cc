// Labels and time, as one caller sees them.
#include "manager/audited_manager.h"
#include "manager/operation_record.h"

namespace ak::manager {

namespace {

using audit::Event;
using audit::Kind;

std::vector<std::string> changedIn(const SandboxUpdate& update) {
  std::vector<std::string> changed;
  const auto add = [&](bool is, const char* word) {
    if (is) {
      changed.emplace_back(word);
    }
  };
  add(update.labels || !update.remove_labels.empty() || !update.set_labels.empty(), "labels");
  add(update.description.has_value(), "description");
  add(update.lifecycle || update.auto_stop || update.auto_archive || update.auto_delete,
      "lifecycle");
  return changed;
}

Kind kindOf(policy::LifecycleAction action) {
  switch (action) {
    case policy::LifecycleAction::Stop:
      return Kind::SandboxStopped;
    case policy::LifecycleAction::Archive:
      return Kind::SandboxArchived;
    case policy::LifecycleAction::Delete:
      return Kind::SandboxRemoved;
  }
  return Kind::SandboxRemoved;
}

}  // namespace

net::Task<Result<SandboxView>> AuditedManager::update(std::string name, SandboxUpdate update) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> before = co_await inner_.get(name);
  OperationRecord record(
      auditor_, caller_,
      OperationRecord::aboutSandbox(Kind::SandboxUpdated, "update", name, before));
  const std::vector<std::string> changed = changedIn(update);
  Result<SandboxView> updated = co_await inner_.update(std::move(name), std::move(update));
  if (updated) {
    record.done(record.event().texts("change", changed));
  } else {
    record.failed(updated.error());
  }
  co_return updated;
}

net::Task<Result<Resized>> AuditedManager::resize(std::string name, model::AskedLimits limits) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> before = co_await inner_.get(name);
  OperationRecord record(
      auditor_, caller_,
      OperationRecord::aboutSandbox(Kind::SandboxUpdated, "resize", name, before));
  Result<Resized> resized = co_await inner_.resize(std::move(name), limits);
  if (resized) {
    const model::Limits& now = resized->view.record.permissions.limits;
    record.done(record.event()
                    .texts("change", {"limits"})
                    .number("memory_bytes", now.memory_bytes)
                    .number("cpu_percent", now.cpu_percent)
                    .number("pids", now.pids)
                    .flag("restarted", resized->restarted));
  } else {
    record.failed(resized.error());
  }
  co_return resized;
}

net::Task<Result<StateImported>> AuditedManager::importState(Caller caller,
                                                             StateImportRequest request) {
  AK_CO_TRY(auditor_.ready());
  OperationRecord record(auditor_, caller_,
                         {Kind::StateImported, "state_import", {}, {}, request.directory});
  if (request.dry_run) {
    record.nothing();
    co_return co_await inner_.importState(caller, std::move(request));
  }
  Result<StateImported> imported = co_await inner_.importState(caller, std::move(request));
  if (!imported) {
    record.failed(imported.error());
    co_return imported;
  }
  std::vector<std::string> names;
  for (const StateImported::Sandbox& sandbox : imported->imported) {
    names.push_back(sandbox.name);
  }
  record.done(record.event()
                  .texts("sandboxes", names)
                  .number("skipped", static_cast<std::int64_t>(imported->skipped.size()))
                  .number("refused", static_cast<std::int64_t>(imported->refused.size())));
  co_return imported;
}

net::Task<Result<SandboxView>> AuditedManager::extend(std::string name, std::uint64_t seconds) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> before = co_await inner_.get(name);
  OperationRecord record(
      auditor_, caller_,
      OperationRecord::aboutSandbox(Kind::SandboxUpdated, "extend", name, before));
  Result<SandboxView> extended = co_await inner_.extend(std::move(name), seconds);
  if (extended) {
    record.done(record.event()
                    .texts("change", {"expires_at"})
                    .text("expires_at", extended->record.lifetime.expires_at));
  } else {
    record.failed(extended.error());
  }
  co_return extended;
}

net::Task<Result<SandboxView>> AuditedManager::archive(std::string name, std::string reason) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> before = co_await inner_.get(name);
  OperationRecord record(
      auditor_, caller_,
      OperationRecord::aboutSandbox(Kind::SandboxArchived, "archive", name, before));
  const std::string why = reason;
  Result<SandboxView> archived = co_await inner_.archive(std::move(name), std::move(reason));
  if (archived) {
    record.done(record.event().message("reason", why, auditor_.redactor()));
  } else {
    record.failed(archived.error());
  }
  co_return archived;
}

net::Task<Result<SandboxView>> AuditedManager::unarchive(std::string name) {
  AK_CO_TRY(auditor_.ready());
  const Result<SandboxView> before = co_await inner_.get(name);
  OperationRecord record(
      auditor_, caller_,
      OperationRecord::aboutSandbox(Kind::SandboxRecovered, "recover", name, before));
  Result<SandboxView> taken = co_await inner_.unarchive(std::move(name));
  if (taken) {
    record.done(record.event());
  } else {
    record.failed(taken.error());
  }
  co_return taken;
}

// Names are free again when their sandboxes are gone, so they are looked up before.
net::Task<std::map<std::string, std::string>> AuditedManager::uuids() {
  std::map<std::string, std::string> known;
  const LabelFilter all;
  for (const SandboxView& view : co_await inner_.list(all)) {
    known[view.record.name] = view.record.uuid;
  }
  co_return known;
}

net::Task<Collected> AuditedManager::collect(CollectRequest request) {
  const Status ready = request.dry_run ? Status() : auditor_.ready();
  if (!ready) {
    co_return Collected{false, {}, {{"", ready.error()}}};
  }
  const std::map<std::string, std::string> known = co_await uuids();
  const auto uuid = [&](const std::string& name) {
    const auto found = known.find(name);
    return found == known.end() ? std::string() : found->second;
  };
  const bool expired = request.which == CollectRequest::Which::Expired;
  Collected done = co_await inner_.collect(std::move(request));
  for (std::size_t i = 0; !done.dry_run && i < done.removed.size(); ++i) {
    Event event = auditor_.about(Kind::SandboxRemoved, caller_);
    addSandbox(event, "name", done.removed[i], uuid(done.removed[i]));
    auditor_.record(event.text("reason", expired ? "its time to live is over" : "pruned"));
  }
  for (const Failure& each : done.failures) {
    auditor_.refused(caller_,
                     {expired ? "gc" : "prune", each.sandbox, uuid(each.sandbox), nullptr, {}},
                     each.error);
  }
  co_return done;
}

net::Task<Reconciled> AuditedManager::reconcile(bool dry_run) {
  const Status ready = dry_run ? Status() : auditor_.ready();
  if (!ready) {
    co_return Reconciled{false, {}, {{"", ready.error()}}};
  }
  const std::map<std::string, std::string> known = co_await uuids();
  const auto uuid = [&](const std::string& name) {
    const auto found = known.find(name);
    return found == known.end() ? std::string() : found->second;
  };
  Reconciled done = co_await inner_.reconcile(dry_run);
  for (std::size_t i = 0; !done.dry_run && i < done.actions.size(); ++i) {
    const policy::LifecycleDecision& each = done.actions[i];
    Event event = auditor_.about(kindOf(each.action), caller_);
    addSandbox(event, "name", each.sandbox, uuid(each.sandbox));
    auditor_.record(event.text("reason", each.reason));
  }
  for (const Failure& each : done.failures) {
    auditor_.refused(caller_, {"reconcile", each.sandbox, uuid(each.sandbox), nullptr, {}},
                     each.error);
  }
  co_return done;
}

}  // namespace ak::manager
