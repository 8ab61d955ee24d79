#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/clock.h"
#include "base/random.h"
#include "image/image_store.h"
#include "manager/event_feed.h"
#include "manager/id_ranges.h"
#include "manager/job_keeper.h"
#include "manager/layer_keeper.h"
#include "manager/plan.h"
#include "manager/port_keeper.h"
#include "manager/sandbox_table.h"
#include "manager/timekeeper.h"
#include "manager/volume_keeper.h"
#include "manager/witness.h"
#include "manager/writable_layer.h"
#include "net/loop.h"
#include "net/task_group.h"
#include "observe/log.h"
#include "policy/admission.h"
#include "store/sandbox_store.h"

namespace ak::manager {

// What the use cases stand on; everything outlives the manager.
struct Foundation {
  net::Executor executor;
  net::WorkerPool& workers;
  net::WorkerPool& store_worker;  // one thread: the store has one caller at a time
  const Clock& clock;
  Random& random;
  backend::Backend& backend;
  image::ImageStore& images;
  store::SandboxStore& store;
  IdRanges& ids;
  const observe::Log& log;
  std::string state_directory;    // sandboxes/<uuid>/ below it belong to durable sandboxes
  std::string runtime_directory;  // b/<uuid>/ below it belong to running ones
  policy::HostBudget budget;
  Witness* witness = nullptr;  // of what happens without a request
  EventFeed* events = nullptr;
  // For tests of what a daemon's end leaves: called after each step that an end could follow.
  std::function<void(std::string_view)> at_step;
};

struct BeginOptions {
  std::string name;       // "" = make one up
  bool durable = false;   // has a record and an own directory
  bool one_shot = false;  // ends with its command
  bool may_pool = true;
  bool want_changes = false;
  model::Notes notes;
};

// Begin and end of sandboxes: the table, the store, the backend and the host's budget change
// together here and nowhere else. A durable sandbox is in the store before its box exists and
// leaves it after the box is gone, so that a daemon that dies in between finds what it must end.
//
// A change that has begun runs to its end, even when the caller is cancelled because its client
// has left: the caller then sees the cancellation after it, and ends what it got.
class Lifecycle {
 public:
  explicit Lifecycle(const Foundation& foundation);

  // Finds what lived through the last daemon, and ends what has no owner. Once, before anything
  // else.
  net::Task<Status> recover();

  // A running sandbox with its files in place. On failure nothing is left.
  net::Task<Result<SandboxPtr>> begin(const Plan& plan, BeginOptions options);
  // Starts a stopped durable sandbox again, as it was. An archived one is refused.
  net::Task<Status> restart(SandboxPtr sandbox);
  // What `edit` does to the record, if it allows it; durable when this returns, and undone when it
  // cannot be made so. For labels, description and lifetime, nothing else. NotFound when the
  // sandbox was removed meanwhile.
  using Edit = std::function<Status(model::SandboxRecord&)>;
  net::Task<Status> change(SandboxPtr sandbox, Edit edit);
  // Other limits for it; see Manager::resize(). True: it was started again.
  net::Task<Result<bool>> resize(SandboxPtr sandbox, model::Limits limits);
  // Ends the box; the record and the writable layer stay (durable), or all is gone (one-shot).
  net::Task<Status> stop(SandboxPtr sandbox, std::string reason);
  net::Task<Status> remove(SandboxPtr sandbox);
  // Has its agent end it when its time to live is over and no daemon is there to do that.
  net::Task<void> tellDeadline(SandboxPtr sandbox) const;
  // For one whose agent did not answer in time: asks it once more, and stops the sandbox if it is
  // silent again. In the background.
  void endIfSilent(SandboxPtr sandbox);
  // Like stop, for callers that will not wait.
  void stopInBackground(SandboxPtr sandbox, std::string reason);

  // A durable sandbox that does not run: its name, ids and directory, before it has a row. The
  // record's uuid, ids and times are made here.
  net::Task<Result<SandboxPtr>> reserveStopped(model::SandboxRecord record);
  // The same of one that another implementation had, under its own uuid; durable. Of a backend that
  // is not in use here it is only the record: such a sandbox is shown, and nobody but its removal
  // acts on it.
  net::Task<Result<SandboxPtr>> takeOver(model::SandboxRecord record);
  // When it gets none.
  net::Task<void> abandonStopped(SandboxPtr sandbox);
  // NotFound for a sandbox that was removed while somebody waited for it.
  Status refuseRemoved(const Sandbox& sandbox) const;

  // For those who watch, if anybody may. `announce` is the first word about a sandbox; nothing is
  // said of one before.
  using Details = std::vector<SandboxEvent::Detail>;
  void announce(Sandbox& sandbox, Details details = {}) const;
  void publish(std::string_view type, const Sandbox& sandbox, Details details = {}) const;

  // Stops sandboxes without a record, lets durable ones live on with their jobs, waits for what
  // runs in the background.
  net::Task<void> close();

  SandboxTable& table() { return table_; }

  const SandboxTable& table() const { return table_; }

  LayerKeeper& layers() { return layers_; }

  VolumeKeeper& volumes() { return volumes_; }

  const Timekeeper& timekeeper() const { return timekeeper_; }

  JobKeeper& jobs() { return jobs_; }

  PortKeeper& ports() { return ports_; }

  std::string directoryOf(const std::string& uuid) const;
  // The writable layers of its workspace, running or not; NotFound without one. To be closed on a
  // worker: one may be the last of a disk image's mount, which then is written back.
  net::Task<Result<WorkspaceLayers>> changesOf(SandboxPtr sandbox);

 private:
  net::Task<Result<SandboxPtr>> beginNow(const Plan& plan, BeginOptions options);
  net::Task<Status> restartNow(SandboxPtr sandbox);
  net::Task<Status> changeNow(SandboxPtr sandbox, Edit edit);
  net::Task<Result<bool>> resizeNow(SandboxPtr sandbox, model::Limits limits);
  net::Task<Result<bool>> resizeBox(Sandbox& sandbox, model::Limits limits);
  net::Task<Result<bool>> restartWith(SandboxPtr sandbox, model::Limits limits);
  // The box of a sandbox that has none, as its record says.
  net::Task<Status> startAgain(const SandboxPtr& sandbox);
  net::Task<Result<SandboxPtr>> takeOverNow(model::SandboxRecord record);
  std::uint32_t takeCid();
  void countCid(std::uint32_t used);
  net::Task<Status> stopNow(SandboxPtr sandbox, std::string reason);
  net::Task<Status> removeNow(SandboxPtr sandbox);
  net::Task<Status> beginBox(const SandboxPtr& sandbox,
                             const Plan& plan,
                             const BeginOptions& options);
  net::Task<Status> startBox(const SandboxPtr& sandbox,
                             const Plan& plan,
                             const BeginOptions& options);
  net::Task<Status> injectFiles(const Sandbox& sandbox, const Plan& plan);
  net::Task<Status> runInitScript(Sandbox& sandbox);
  net::Task<Status> save(Sandbox& sandbox);
  // The end of the box itself.
  net::Task<Status> endBox(Sandbox& sandbox);
  net::Task<void> forget(SandboxPtr sandbox);
  net::Task<Status> erase(SandboxPtr sandbox);
  // Its directory, then its row.
  net::Task<Status> forgetFiles(const Sandbox& sandbox);
  net::Task<Status> removeDirectory(std::string uuid);
  std::set<std::string> knownUuids(const std::vector<std::string>& more) const;
  net::Task<void> removeUnknownFiles(const std::set<std::string>& known);
  net::Task<Status> recoverLayers(bool all_read);
  // Blocking; one answer for each.
  std::vector<Status> finishFreezes(const std::vector<SandboxPtr>& all) const;
  enum class Stamps : bool { Exact, Stale };
  SandboxPtr meet(model::SandboxRecord record, Stamps stamps);
  net::Task<void> raiseEpochs(const std::vector<SandboxPtr>& sandboxes);
  net::Task<void> recoverOne(SandboxPtr sandbox);
  // The box of its record, if it lives; else it is stopped, or (where nobody can say) unknown.
  net::Task<Status> reconnect(SandboxPtr sandbox);
  // The same for one that could not be spoken to; Unavailable when it still cannot.
  net::Task<Status> reachAgain(SandboxPtr sandbox);
  net::Task<void> endSilent(SandboxPtr sandbox);
  void onEnded(const backend::Ended& ended);
  void onJobEnded(const SandboxPtr& sandbox, const model::JobRecord& job);
  // A one-shot sandbox whose command never came to run has nobody who would end it.
  void endWithoutCommand(const SandboxPtr& sandbox);
  void adopt(Sandbox& sandbox, backend::Started started);
  void markStopped(Sandbox& sandbox, std::string reason);
  // For the witness, if there is one.
  void endedByItself(const Sandbox& sandbox) const;
  void logFailure(std::string_view doing, const Sandbox& sandbox, const Error& error) const;
  net::Task<Status> reserve(SandboxPtr sandbox, model::Limits limits);
  std::string freshName();
  std::string runtimeOf(const std::string& uuid) const;

  const Foundation& foundation_;
  const Timekeeper timekeeper_;
  SandboxTable table_;
  JobKeeper jobs_;
  PortKeeper ports_;
  LayerKeeper layers_;
  VolumeKeeper volumes_;
  policy::Reservation held_;
  std::string boot_id_;
  std::uint32_t next_cid_ = model::kFirstCid;
  net::TaskGroup background_;
};

}  // namespace ak::manager
