// Sandboxes whose records came from another implementation.
#include "manager/elsewhere.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "manager/busy.h"
#include "manager/lifecycle.h"
#include "manager/writable_layer.h"
#include "net/to_its_end.h"

namespace ak::manager {

Status refuseElsewhere(const Sandbox& sandbox) {
  if (!sandbox.elsewhere) {
    return {};
  }
  return fail(
      ErrorCode::Unsupported,
      cat("sandbox '", sandbox.record.name, "' is one of backend '", sandbox.record.backend,
          "', which is not in use here"),
      "Use the program that made it; `agentkernel rm` forgets it here and leaves it there.");
}

net::Task<Result<SandboxPtr>> Lifecycle::takeOver(model::SandboxRecord record) {
  co_return co_await net::toItsEnd(takeOverNow(std::move(record)));
}

net::Task<Result<SandboxPtr>> Lifecycle::takeOverNow(model::SandboxRecord record) {
  // Being taken over is a use: what was idle there for a year is not removed here at once. Its time
  // to live may be over as long; whoever wants it has the same grace as with one of ours.
  SandboxPtr sandbox = meet(std::move(record), Stamps::Stale);
  if (sandbox->expires) {
    sandbox->expires = std::max(*sandbox->expires, foundation_.clock.steady());
  }
  AK_CO_TRY(table_.add(sandbox));
  const Busy busy(sandbox);
  Status kept;
  if (!sandbox->elsewhere) {
    const Result<model::IdRange> ids = foundation_.ids.take();
    kept = ids ? Status() : std::unexpected(ids.error());
    sandbox->record.ids = ids.value_or(model::IdRange());
  }
  if (kept) {
    kept = co_await foundation_.store_worker.run([this, &sandbox]() -> Status {
      if (!sandbox->elsewhere) {
        AK_TRY(makeWritableLayer(directoryOf(sandbox->record.uuid)));
      }
      return foundation_.store.insert(sandbox->record);
    });
  }
  if (!kept) {
    co_await abandonStopped(sandbox);
    co_return std::unexpected(kept.error());
  }
  sandbox->saved_activity = sandbox->record.lifetime.last_activity_at;
  announce(*sandbox, {{"imported", "true", {}}});
  co_return sandbox;
}

// Of the highest that is in any record; several may have the same. The last two are no addresses.
void Lifecycle::countCid(std::uint32_t used) {
  if (used >= next_cid_ && used < std::numeric_limits<std::uint32_t>::max() - 1) {
    next_cid_ = used + 1;
  }
}

std::uint32_t Lifecycle::takeCid() {
  const std::uint32_t taken = next_cid_;
  countCid(taken);
  return taken;
}

}  // namespace ak::manager
