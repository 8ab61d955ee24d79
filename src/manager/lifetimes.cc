#include "manager/lifetimes.h"

#include <algorithm>

#include "base/text.h"

namespace ak::manager {

namespace {

void apply(const ThresholdUpdate& update, std::optional<std::uint64_t>& threshold) {
  threshold = update.value_or(threshold);
}

Status edit(const SandboxUpdate& update, model::SandboxRecord& record) {
  record.labels = update.labels.value_or(record.labels);
  for (const std::string& key : update.remove_labels) {
    record.labels.erase(key);
  }
  for (const auto& [key, value] : update.set_labels) {
    record.labels[key] = value;
  }
  AK_TRY(model::validateLabels(record.labels));
  record.description = update.description.value_or(record.description);
  model::LifecyclePolicy& policy = record.lifetime.policy;
  policy = update.lifecycle.value_or(policy);
  apply(update.auto_stop, policy.auto_stop_after_seconds);
  apply(update.auto_archive, policy.auto_archive_after_seconds);
  apply(update.auto_delete, policy.auto_delete_after_seconds);
  return model::validate(policy);
}

// Nothing in hand, nothing put aside.
bool isPrunable(const Sandbox& sandbox, CollectRequest::Which which) {
  const model::Lifetime& lifetime = sandbox.record.lifetime;
  if (!sandbox.durable || sandbox.elsewhere || !lifetime.archived_at.empty() ||
      !lifetime.dormant_at.empty()) {
    return false;
  }
  const bool stopped = sandbox.status == model::SandboxStatus::Stopped && !sandbox.busy;
  const bool running = sandbox.status == model::SandboxStatus::Running;
  return stopped || (running && which == CollectRequest::Which::StoppedAndRunning);
}

Witness::Deed deedOf(policy::LifecycleAction action) {
  switch (action) {
    case policy::LifecycleAction::Stop:
      return Witness::Deed::Stopped;
    case policy::LifecycleAction::Archive:
      return Witness::Deed::Archived;
    case policy::LifecycleAction::Delete:
      return Witness::Deed::Removed;
  }
  return Witness::Deed::Removed;
}

}  // namespace

Lifetimes::Lifetimes(const Foundation& foundation, Lifecycle& lifecycle)
    : foundation_(foundation),
      lifecycle_(lifecycle),
      timekeeper_(lifecycle.timekeeper()),
      sooner_(foundation.executor) {
  lifecycle.jobs().onIdle([this](const Sandbox& sandbox) { consider(sandbox); });
  lifecycle.ports().onIdle([this](const Sandbox& sandbox) { consider(sandbox); });
}

net::Task<Status> Lifetimes::update(SandboxPtr sandbox, SandboxUpdate update) {
  const Status changed = co_await lifecycle_.change(
      sandbox, [update = std::move(update)](auto& record) { return edit(update, record); });
  if (changed) {
    lifecycle_.publish(event_type::kUpdated, *sandbox);
  }
  consider(*sandbox);
  co_return changed;
}

net::Task<Status> Lifetimes::extend(SandboxPtr sandbox, std::uint64_t seconds) {
  const Status changed =
      co_await lifecycle_.change(sandbox, [this, seconds](model::SandboxRecord& record) {
        return model::extend(record.lifetime, foundation_.clock.wall(), record.created_at, seconds);
      });
  consider(*sandbox);  // one without an end has one now
  co_await lifecycle_.tellDeadline(sandbox);
  if (changed) {
    lifecycle_.publish(event_type::kUpdated, *sandbox,
                       {{"expires_at", sandbox->record.lifetime.expires_at, {}}});
  }
  co_return changed;
}

net::Task<Status> Lifetimes::archive(SandboxPtr sandbox, std::string reason) {
  if (!sandbox->durable || sandbox->record.one_shot) {
    co_return fail(ErrorCode::Conflict,
                   cat("sandbox '", sandbox->record.name, "' ends with its command"),
                   "Only sandboxes that are kept can be archived: agentkernel run --keep ...");
  }
  const Status stopped = co_await lifecycle_.stop(sandbox, "archived");
  AK_CO_TRY(stopped);
  const Status changed = co_await lifecycle_.change(
      sandbox, [this, &sandbox, reason = std::move(reason)](model::SandboxRecord& record) {
        if (sandbox->status != model::SandboxStatus::Stopped) {
          return Status(fail(ErrorCode::Conflict,
                             cat("sandbox '", record.name, "' was started meanwhile"),
                             "Archive it again."));
        }
        if (record.lifetime.archived_at.empty()) {
          record.lifetime.archived_at = formatTime(foundation_.clock.wall());
          record.lifetime.archived_reason = reason;
        }
        return Status();
      });
  if (changed) {
    lifecycle_.publish(event_type::kArchived, *sandbox,
                       {{"reason", sandbox->record.lifetime.archived_reason, {}}});
  }
  consider(*sandbox);
  co_return changed;
}

net::Task<Status> Lifetimes::unarchive(SandboxPtr sandbox) {
  timekeeper_.touch(*sandbox);
  const Status changed = co_await lifecycle_.change(sandbox, [](model::SandboxRecord& record) {
    record.lifetime.archived_at.clear();
    record.lifetime.archived_reason.clear();
    record.lifetime.dormant_at.clear();
    record.lifetime.dormant_reason.clear();
    return Status();
  });
  if (changed) {
    lifecycle_.publish(event_type::kRecovered, *sandbox);
  }
  consider(*sandbox);
  co_return changed;
}

net::Task<Collected> Lifetimes::collect(CollectRequest request) {
  return collectFor(By::Request, std::move(request));
}

net::Task<Reconciled> Lifetimes::reconcile(bool dry_run) {
  return reconcileFor(By::Request, dry_run);
}

void Lifetimes::tell(By by,
                     const policy::LifecycleDecision& decided,
                     const Sandbox& on,
                     const Status& done) const {
  if (by == By::Request || foundation_.witness == nullptr) {
    return;
  }
  const Witness::Deed deed = deedOf(decided.action);
  if (done) {
    foundation_.witness->byItself(deed, on.record, decided.reason);
  } else {
    foundation_.witness->couldNot(deed, on.record, done.error());
  }
}

net::Task<Collected> Lifetimes::collectFor(By by, CollectRequest request) {
  const std::chrono::seconds grace = by == By::Timer ? kGrace : std::chrono::seconds(0);
  Collected result;
  result.dry_run = request.dry_run;
  for (const SandboxPtr& sandbox : lifecycle_.table().byName()) {
    // Looked at one by one: removing those before took time, in which this one may have been
    // extended.
    const bool due = request.which == CollectRequest::Which::Expired
                         ? !sandbox->elsewhere && timekeeper_.expired(*sandbox, grace)
                         : isPrunable(*sandbox, request.which);
    if (!due || !model::matches(sandbox->record.labels, request.labels)) {
      continue;
    }
    const std::string name = sandbox->record.name;
    const Status removed = request.dry_run ? Status() : co_await lifecycle_.remove(sandbox);
    tell(by, {name, policy::LifecycleAction::Delete, "its time to live is over"}, *sandbox,
         removed);
    if (removed) {
      result.removed.push_back(name);
    } else {
      result.failures.push_back({name, removed.error()});
    }
  }
  co_return result;
}

net::Task<Status> Lifetimes::act(SandboxPtr sandbox, const policy::LifecycleDecision& decision) {
  switch (decision.action) {
    case policy::LifecycleAction::Stop:
      co_return co_await lifecycle_.stop(sandbox, decision.reason);
    case policy::LifecycleAction::Archive:
      co_return co_await archive(sandbox, decision.reason);
    case policy::LifecycleAction::Delete:
      break;
  }
  co_return co_await lifecycle_.remove(sandbox);
}

net::Task<Reconciled> Lifetimes::reconcileFor(By by, bool dry_run) {
  Reconciled result;
  result.dry_run = dry_run;
  std::vector<policy::LifecycleSubject> subjects;
  for (const SandboxPtr& sandbox : lifecycle_.table().all()) {
    if (sandbox->durable && !sandbox->record.one_shot && !sandbox->elsewhere) {
      subjects.push_back(timekeeper_.subject(*sandbox));
    }
  }
  for (const policy::LifecycleDecision& decision : policy::decideLifecycle(subjects)) {
    const Result<SandboxPtr> found = lifecycle_.table().find(decision.sandbox);
    if (!found) {
      continue;  // removed meanwhile
    }
    // Again: it may have been used while the ones before were stopped.
    const auto still = policy::decideLifecycle({timekeeper_.subject(**found)});
    if (still.empty() || still.front().action != decision.action) {
      continue;
    }
    const SandboxPtr sandbox = *found;
    const Status done = dry_run ? Status() : co_await act(sandbox, decision);
    tell(by, decision, *sandbox, done);
    if (done) {
      result.actions.push_back(decision);
    } else {
      result.failures.push_back({decision.sandbox, done.error()});
    }
  }
  co_return result;
}

InUse::InUse(Lifetimes& lifetimes, SandboxPtr sandbox)
    : lifetimes_(lifetimes), sandbox_(sandbox->durable ? std::move(sandbox) : nullptr) {
  if (sandbox_) {
    lifetimes_.timekeeper_.enter(*sandbox_);
  }
}

InUse::~InUse() {
  if (sandbox_) {
    lifetimes_.timekeeper_.leave(*sandbox_);
    lifetimes_.consider(*sandbox_);
  }
}

}  // namespace ak::manager
