// How sandboxes end: stopped, removed, found ended, and with the daemon.
#include <algorithm>

#include "base/text.h"
#include "manager/busy.h"
#include "manager/elsewhere.h"
#include "manager/frozen_layers.h"
#include "manager/inside.h"
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

namespace {

// A script may take ten minutes, or as long as its guest likes: who ends the sandbox kills it
// first.
class Ender {
 public:
  explicit Ender(SandboxPtr sandbox) : sandbox_(std::move(sandbox)) { ++sandbox_->enders; }

  ~Ender() { --sandbox_->enders; }

  Ender(const Ender&) = delete;
  Ender& operator=(const Ender&) = delete;

  net::Task<void> settle() {
    if (const std::shared_ptr<channel::ExecStream> script = sandbox_->init_script) {
      co_await killInside(*script);
    }
    co_await settled(sandbox_);
  }

 private:
  SandboxPtr sandbox_;
};

}  // namespace

void Lifecycle::markStopped(Sandbox& sandbox, std::string reason) {
  if (sandbox.status == model::SandboxStatus::Running) {
    publish(event_type::kStopped, sandbox, {{"reason", reason, {}}});
  }
  sandbox.status = model::SandboxStatus::Stopped;
  sandbox.record.pid = 0;
  sandbox.record.start_ticks = 0;
  sandbox.record.stop_reason = std::move(reason);
  ports_.close(sandbox);
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

// What is left of one whose box is gone, in the order in which a crash in between would still be
// repaired: directory, row, table. What cannot be removed stays a stopped sandbox that says why.
net::Task<Status> Lifecycle::erase(SandboxPtr sandbox) {
  markStopped(*sandbox, "removed");
  co_await jobs_.settle(sandbox);  // nobody writes to its directory any more
  if (sandbox->durable) {
    const Status gone = co_await forgetFiles(*sandbox);
    if (!gone) {
      sandbox->record.stop_reason = cat("removing it failed: ", gone.error().message);
      co_return gone;
    }
  }
  table_.remove(sandbox->record.uuid);
  publish(event_type::kDeleted, *sandbox);
  co_await layers_.release(layersOf(sandbox->record));
  layers_.giveIds(sandbox->record.ids);
  co_return Status{};
}

net::Task<void> Lifecycle::abandonStopped(SandboxPtr sandbox) {
  if (const Status erased = co_await erase(sandbox); !erased) {
    logFailure("removing", *sandbox, erased.error());
  }
}

// For one that nobody waits for. A box that could not be ended is found by the next sweep.
net::Task<void> Lifecycle::forget(SandboxPtr sandbox) {
  if (const Status ended = co_await endBox(*sandbox); !ended) {
    logFailure("ending", *sandbox, ended.error());
  }
  if (const Status erased = co_await erase(sandbox); !erased) {
    logFailure("removing", *sandbox, erased.error());
  }
}

net::Task<Status> Lifecycle::removeDirectory(std::string uuid) {
  const Status removed = co_await foundation_.store_worker.run(
      [this, uuid] { return removeWritableLayer(foundation_.state_directory, uuid); });
  if (!removed && removed.error().code == ErrorCode::PermissionDenied) {
    // A guest user's directory, which belongs to a subordinate id of ours.
    co_return co_await foundation_.backend.removeFiles(directoryOf(uuid));
  }
  co_return removed;
}

net::Task<Status> Lifecycle::forgetFiles(const Sandbox& sandbox) {
  const std::string uuid = sandbox.record.uuid;
  // Others may stand on what it froze, and with its row goes the word that the renames are to be
  // made again after a power cut.
  const Status saved =
      co_await foundation_.store_worker.run([this, &uuid, freezing = sandbox.record.freezing] {
        return saveFreeze({foundation_.state_directory, uuid, freezing});
      });
  if (!saved && saved.error().code != ErrorCode::NotFound) {  // removed by half, before a crash
    co_return saved;
  }
  const Status removed = co_await removeDirectory(uuid);
  AK_CO_TRY(removed);
  co_return co_await foundation_.store_worker.run(
      [this, uuid] { return foundation_.store.remove(uuid); });
}

net::Task<Status> Lifecycle::stopNow(SandboxPtr sandbox, std::string reason) {
  Ender ender(sandbox);
  co_await ender.settle();
  if (sandbox->status == model::SandboxStatus::Stopped) {
    co_return Status{};
  }
  AK_CO_TRY(refuseElsewhere(*sandbox));
  const Busy busy(sandbox);
  if (!sandbox->durable) {
    co_await forget(sandbox);
    co_return Status{};
  }
  const Status stopped = co_await endBox(*sandbox);
  AK_CO_TRY(stopped);
  markStopped(*sandbox, std::move(reason));
  co_await jobs_.settle(sandbox);
  co_return co_await save(*sandbox);
}

net::Task<Status> Lifecycle::removeNow(SandboxPtr sandbox) {
  Ender ender(sandbox);
  co_await ender.settle();
  if (table_.findByUuid(sandbox->record.uuid) != nullptr) {
    const Busy busy(sandbox);
    const Status stopped = sandbox->elsewhere ? Status() : co_await endBox(*sandbox);
    AK_CO_TRY(stopped);  // the record stays until the backend has confirmed
    co_return co_await erase(sandbox);
  }
  co_return Status{};
}

// One-shots end with their command, which is told by whoever ran it.
void Lifecycle::endedByItself(const Sandbox& sandbox) const {
  if (foundation_.witness != nullptr && sandbox.durable) {
    foundation_.witness->byItself(Witness::Deed::Stopped, sandbox.record,
                                  sandbox.record.stop_reason);
  }
}

// The daemon's own timer comes first; this is for the time without one.
net::Task<void> Lifecycle::tellDeadline(SandboxPtr sandbox) const {
  const std::shared_ptr<channel::Agent> agent = sandbox->agent;
  const std::string end = sandbox->record.lifetime.expires_at;
  if (!agent || end == sandbox->told_end) {
    co_return;
  }
  const Status told = co_await agent->deadline(timekeeper_.left(*sandbox, Timekeeper::kGrace));
  if (told) {
    sandbox->told_end = end;
  } else if (agent->alive()) {
    logFailure("telling the end of", *sandbox, told.error());
  }
}

void Lifecycle::stopInBackground(SandboxPtr sandbox, std::string reason) {
  background_.spawn([](Lifecycle& self, SandboxPtr it, std::string why) -> net::Task<void> {
    const bool ran = it->status != model::SandboxStatus::Stopped;
    if (const Status stopped = co_await self.stop(it, std::move(why)); !stopped) {
      self.logFailure("stopping", *it, stopped.error());
    } else if (ran) {
      self.endedByItself(*it);
    }
  }(*this, std::move(sandbox), std::move(reason)));
}

void Lifecycle::onEnded(const backend::Ended& ended) {
  const SandboxPtr sandbox = table_.findByUuid(ended.id);
  if (!sandbox || sandbox->ending ||
      (sandbox->status != model::SandboxStatus::Running &&
       sandbox->status != model::SandboxStatus::Unknown)) {
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

void Lifecycle::onJobEnded(const SandboxPtr& sandbox, const model::JobRecord& job) {
  if (!job.main || !sandbox->record.one_shot) {
    return;
  }
  stopInBackground(sandbox, job.outcome
                                ? cat("its command ended with code ", job.outcome->exit_code)
                                : job.reason);
}

void Lifecycle::endWithoutCommand(const SandboxPtr& sandbox) {
  const bool runs = std::ranges::any_of(
      sandbox->jobs, [](const auto& entry) { return entry.second->record.main; });
  if (sandbox->record.one_shot && !runs) {
    stopInBackground(sandbox, "its command ended with the daemon that carried it");
  }
}

net::Task<void> Lifecycle::close() {
  co_await jobs_.close();
  co_await ports_.closeAll();
  for (const SandboxPtr& sandbox : table_.all()) {
    if (!sandbox->durable) {
      (void)co_await stop(sandbox, "the daemon stops");  // forget() has logged what went wrong
    }
  }
  co_await background_.join();
  co_await foundation_.backend.close();
}

}  // namespace ak::manager
