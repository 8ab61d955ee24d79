// Other limits for a sandbox that is there.
#include <algorithm>

#include "base/text.h"
#include "manager/busy.h"
#include "manager/elsewhere.h"
#include "manager/lifecycle.h"
#include "net/to_its_end.h"

namespace ak::manager {

namespace {

// What holds the new limits; the disk's is the one that a layer has from its beginning.
void replaceEnforced(std::vector<model::EnforcedLimit>& enforced,
                     std::vector<model::EnforcedLimit> changed) {
  std::ranges::copy_if(enforced, std::back_inserter(changed),
                       [](const model::EnforcedLimit& limit) { return limit.name == "disk"; });
  enforced = std::move(changed);
}

}  // namespace

net::Task<Result<bool>> Lifecycle::resize(SandboxPtr sandbox, model::Limits limits) {
  co_return co_await net::toItsEnd(resizeNow(std::move(sandbox), limits));
}

net::Task<Result<bool>> Lifecycle::resizeNow(SandboxPtr sandbox, model::Limits limits) {
  co_await settled(sandbox);
  AK_CO_TRY(refuseRemoved(*sandbox));
  AK_CO_TRY(refuseElsewhere(*sandbox));
  const Busy busy(sandbox);
  model::Limits& current = sandbox->record.permissions.limits;
  const model::Limits before = current;
  if (sandbox->status == model::SandboxStatus::Running) {
    const Status reserved = co_await reserve(sandbox, limits);
    AK_CO_TRY(reserved);
    auto resized = foundation_.backend.capabilities().resize
                       ? co_await resizeBox(*sandbox, limits)
                       : co_await restartWith(sandbox, limits);
    if (!resized && sandbox->status == model::SandboxStatus::Running) {
      (void)co_await reserve(sandbox, before);  // what it had a moment ago is still free
    }
    co_return resized;
  }
  if (sandbox->status != model::SandboxStatus::Stopped) {
    co_return fail(ErrorCode::Unavailable,
                   cat("sandbox '", sandbox->record.name, "' cannot be reached"),
                   "Try again, or stop it first.");
  }
  current = limits;
  const Status saved = co_await save(*sandbox);
  if (!saved) {
    current = before;
    co_return std::unexpected(saved.error());
  }
  co_return false;
}

// The box first: a limit that it does not take is not written down. After a crash in between the
// box has limits that nobody was told of, until its next start.
net::Task<Result<bool>> Lifecycle::resizeBox(Sandbox& sandbox, model::Limits limits) {
  model::SandboxRecord& record = sandbox.record;
  const model::Limits before = record.permissions.limits;
  auto resized = co_await foundation_.backend.resize(record.uuid, limits);
  auto enforced = AK_CO_TRY(std::move(resized));
  record.permissions.limits = limits;
  const Status saved = co_await save(sandbox);
  if (!saved) {
    record.permissions.limits = before;
    const auto back = co_await foundation_.backend.resize(record.uuid, before);
    if (!back) {
      logFailure("taking back new limits of", sandbox, back.error());
    }
    co_return std::unexpected(saved.error());
  }
  replaceEnforced(record.limits, std::move(enforced));
  sandbox.notify();
  co_return false;
}

net::Task<Result<bool>> Lifecycle::restartWith(SandboxPtr sandbox, model::Limits limits) {
  if (!sandbox->durable) {
    co_return fail(ErrorCode::Unsupported,
                   cat("backend ", foundation_.backend.name(),
                       " cannot change the limits of a sandbox that runs"),
                   "Start another with the limits that you want.");
  }
  const Status ended = co_await endBox(*sandbox);
  AK_CO_TRY(ended);
  markStopped(*sandbox, "restarted with other limits");
  const model::Limits before = std::exchange(sandbox->record.permissions.limits, limits);
  const Status started = co_await startAgain(sandbox);
  if (started) {
    co_return true;
  }
  sandbox->record.permissions.limits = before;
  const Status back = co_await startAgain(sandbox);
  Error error = started.error();
  co_return std::unexpected(std::move(error).context(
      back ? "it runs with its old limits" : cat("it is stopped (", back.error().message, ")")));
}

}  // namespace ak::manager
