// The part of Lifetimes that works by itself.
#include <algorithm>

#include "base/text.h"
#include "manager/lifetimes.h"
#include "net/timeout.h"

namespace ak::manager {

using std::chrono::seconds;

namespace {

// Stamps of use are worth no write each. A daemon that ends in order saves them all, and one that
// does not has its successor count from its own start.
constexpr seconds kSaveStamps{60};
constexpr seconds kNothingDue{3600};
// What cannot be done is tried again, but not in a circle.
constexpr seconds kLeastWait{1};
constexpr seconds kWaitAfterFailure{60};

bool hasUnsavedStamp(const Sandbox& sandbox) {
  return sandbox.durable && sandbox.saved_activity != sandbox.record.lifetime.last_activity_at;
}

net::Task<Status> waitFor(net::Event& event) {
  co_await event.wait();
  co_return Status();
}

}  // namespace

SteadyTime Lifetimes::dueTime(const Sandbox& sandbox) const {
  const SteadyTime now = foundation_.clock.steady();
  SteadyTime due = now + kNothingDue;
  if (sandbox.durable && !sandbox.elsewhere) {
    due = std::min(due, now + timekeeper_.due(sandbox, kGrace).value_or(kNothingDue));
  }
  return hasUnsavedStamp(sandbox) ? std::min(due, save_at_) : due;
}

void Lifetimes::consider(const Sandbox& sandbox) {
  if (dueTime(sandbox) < look_at_) {
    sooner_.notifyAll();
  }
}

net::Task<void> Lifetimes::saveStamps() {
  for (const SandboxPtr& sandbox : lifecycle_.table().all()) {
    if (sandbox->in_use != 0) {
      timekeeper_.touch(*sandbox);
    }
    if (!hasUnsavedStamp(*sandbox)) {
      continue;
    }
    const Status saved = co_await lifecycle_.change(sandbox, [](auto&) { return Status(); });
    if (!saved && saved.error().code != ErrorCode::NotFound) {
      foundation_.log.error("lifetimes", cat("saving when ", sandbox->record.name,
                                             " was last used: ", saved.error().message));
    }
  }
  co_await lifecycle_.volumes().saveStamps();
}

net::Task<std::size_t> Lifetimes::lookOnce() {
  const Collected collected = co_await collectFor(By::Timer, CollectRequest());
  for (const std::string& name : collected.removed) {
    foundation_.log.info("lifetimes", cat("removed ", name, ": its time to live is over"));
  }
  const Reconciled reconciled = co_await reconcileFor(By::Timer, false);
  for (const policy::LifecycleDecision& each : reconciled.actions) {
    foundation_.log.info("lifetimes",
                         cat(policy::name(each.action), " ", each.sandbox, ": ", each.reason));
  }
  for (const std::vector<Failure>* failures : {&collected.failures, &reconciled.failures}) {
    for (const Failure& failure : *failures) {
      foundation_.log.error("lifetimes", cat(failure.sandbox, ": ", failure.error.message));
    }
  }
  co_return collected.failures.size() + reconciled.failures.size();
}

net::Task<void> Lifetimes::automate() {
  save_at_ = foundation_.clock.steady() + kSaveStamps;
  seconds least = kLeastWait;
  for (;;) {
    const SteadyTime now = foundation_.clock.steady();
    look_at_ = now + kNothingDue;
    for (const SandboxPtr& sandbox : lifecycle_.table().all()) {
      look_at_ = std::min(look_at_, dueTime(*sandbox));
    }
    look_at_ = std::max(look_at_, now + least);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(look_at_ - now);
    (void)co_await net::withTimeout(waitFor(sooner_), wait, "waiting");
    least = co_await lookOnce() == 0 ? kLeastWait : kWaitAfterFailure;
    if (foundation_.clock.steady() >= save_at_) {
      co_await saveStamps();
      save_at_ = foundation_.clock.steady() + kSaveStamps;
    }
  }
}

net::Task<void> Lifetimes::close() {
  co_await saveStamps();
  const Status marked =
      co_await foundation_.store_worker.run([this] { return foundation_.store.markOrderlyEnd(); });
  if (!marked) {
    foundation_.log.error("lifetimes", marked.error().message);
  }
}

}  // namespace ak::manager
