// How sandboxes end: stopped, removed, found ended, and with the daemon.
#include "base/text.h"
#include "manager/busy.h"
#include "manager/lifecycle.h"
#include "manager/writable_layer.h"
#include "net/to_its_end.h"

namespace ak::manager {

net::Task<Status> Lifecycle::stop(SandboxPtr sandbox, std::string reason) {
  co_return co_await net::toItsEnd(stopNow(std::move(sandbox), std::move(reason)));
}

net::Task<Status> Lifecycle::remove(SandboxPtr sandbox) {
  co_return co_await net::toItsEnd(removeNow(std::move(sandbox)));
}

void Lifecycle::markStopped(Sandbox& sandbox, std::string reason) {
  sandbox.status = model::SandboxStatus::Stopped;
  sandbox.record.pid = 0;
  sandbox.record.start_ticks = 0;
  sandbox.record.stop_reason = std::move(reason);
  sandbox.agent.reset();
  sandbox.process.reset();
  sandbox.log.reset();
  held_ -= sandbox.reserved;
  sandbox.reserved = {};
  sandbox.notify();
}

net::Task<Status> Lifecycle::endBox(Sandbox& sandbox) {
  sandbox.ending = true;
  const Status stopped = co_await foundation_.backend.stop(sandbox.record.uuid);
  sandbox.ending = false;
  co_return stopped;
}

// Whatever there is of it goes, in the order in which a crash in between would still be repaired:
// box, directory, row. The sandbox leaves the table even if its box could not be ended; the next
// sweep finds what is left.
net::Task<void> Lifecycle::forget(SandboxPtr sandbox) {
  const std::string& uuid = sandbox->record.uuid;
  if (Status stopped = co_await endBox(*sandbox); !stopped) {
    logFailure("ending", *sandbox, stopped.error());
  }
  markStopped(*sandbox, "removed");
  if (sandbox->durable) {
    if (Status gone = co_await forgetFiles(uuid); !gone) {
      logFailure("removing the directory of", *sandbox, gone.error());
    }
  }
  foundation_.ids.give(sandbox->record.ids);
  table_.remove(uuid);
}

net::Task<Status> Lifecycle::forgetFiles(std::string uuid) {
  Status removed = co_await foundation_.store_worker.run(
      [this, uuid] { return removeWritableLayer(foundation_.state_directory, uuid); });
  if (!removed && removed.error().code == ErrorCode::PermissionDenied) {
    // A guest user's directory, which belongs to a subordinate id of ours.
    removed = co_await foundation_.backend.removeFiles(directoryOf(uuid));
  }
  AK_CO_TRY(removed);
  co_return co_await foundation_.store_worker.run(
      [this, uuid] { return foundation_.store.remove(uuid); });
}

net::Task<Status> Lifecycle::stopNow(SandboxPtr sandbox, std::string reason) {
  co_await settled(sandbox);
  if (sandbox->status == model::SandboxStatus::Stopped) {
    co_return Status{};
  }
  const Busy busy(sandbox);
  if (!sandbox->durable) {
    co_await forget(sandbox);
    co_return Status{};
  }
  const Status stopped = co_await endBox(*sandbox);
  AK_CO_TRY(stopped);
  markStopped(*sandbox, std::move(reason));
  co_return co_await save(*sandbox);
}

net::Task<Status> Lifecycle::removeNow(SandboxPtr sandbox) {
  co_await settled(sandbox);
  if (table_.findByUuid(sandbox->record.uuid) != nullptr) {
    const Busy busy(sandbox);
    const Status stopped = co_await endBox(*sandbox);
    AK_CO_TRY(stopped);  // the record stays until the backend has confirmed
    co_await forget(sandbox);
  }
  co_return Status{};
}

void Lifecycle::stopInBackground(SandboxPtr sandbox, std::string reason) {
  background_.spawn([](Lifecycle& self, SandboxPtr it, std::string why) -> net::Task<void> {
    if (const Status stopped = co_await self.stop(it, std::move(why)); !stopped) {
      self.logFailure("stopping", *it, stopped.error());
    }
  }(*this, std::move(sandbox), std::move(reason)));
}

void Lifecycle::onEnded(const backend::Ended& ended) {
  const SandboxPtr sandbox = table_.findByUuid(ended.id);
  if (!sandbox || sandbox->status != model::SandboxStatus::Running || sandbox->ending) {
    return;
  }
  std::string reason = "its first process ended for an unknown reason (the launcher was restarted)";
  if (ended.how) {
    reason = ended.how->out_of_memory ? "out of memory"
             : ended.how->signal != 0 ? cat("ended by signal ", ended.how->signal)
                                      : cat("ended with code ", ended.how->code);
  }
  stopInBackground(sandbox, std::move(reason));
}

net::Task<void> Lifecycle::close() {
  for (const SandboxPtr& sandbox : table_.all()) {
    if (!sandbox->durable) {
      (void)co_await stop(sandbox, "the daemon stops");  // forget() has logged what went wrong
    }
  }
  co_await background_.join();
  co_await foundation_.backend.close();
}

}  // namespace ak::manager
