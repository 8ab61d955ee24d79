#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "manager/job_log.h"
#include "manager/sandbox.h"
#include "manager/sandbox_table.h"
#include "manager/timekeeper.h"
#include "model/job.h"
#include "net/task_group.h"
#include "wire/exec.h"

namespace ak::manager {

struct Foundation;

// Somebody who is shown a session's terminal.
struct JobWatcher {
  std::uint64_t offset = 0;  // of the first byte that it has not taken
  bool stuck = false;        // has taken nothing for too long: it is not waited for
};

// A job that may run. Shared by its sandbox, by the coroutine that drains it and by those who
// follow it.
struct LiveJob {
  LiveJob(net::Executor executor, model::JobRecord about, JobLog stdout_log, JobLog stderr_log)
      : record(std::move(about)),
        out(std::move(stdout_log)),
        err(std::move(stderr_log)),
        changed(executor),
        taken(std::move(executor)) {}

  model::JobRecord record;  // with what was printed so far
  JobLog out;               // these two are a worker's while it writes
  JobLog err;
  bool over = false;  // nothing more comes, and the record says how it ended

  void notify() {
    ++revision;
    changed.notifyAll();
  }

  std::uint64_t revision = 0;  // see Sandbox::revision
  net::Event changed;          // more output, or its end
  std::list<JobWatcher> watchers;
  net::Event taken;  // by a watcher, or one has left
};

using LiveJobPtr = std::shared_ptr<LiveJob>;  // shared: see above

// Carries jobs from their agents to the books: starts them, drains their output into bounded files,
// records how they ended. What a daemon leaves behind the next one takes up where the files end.
// All on the loop; files and the store on workers.
class JobKeeper {
 public:
  JobKeeper(const Foundation& foundation, const Timekeeper& timekeeper);

  // A job's end is in the books.
  using Ended = std::function<void(const SandboxPtr&, const model::JobRecord&)>;

  void onEnded(Ended observer) { on_ended_ = std::move(observer); }

  // A job uses its sandbox no more.
  using Idle = std::function<void(const Sandbox&)>;

  void onIdle(Idle observer) { on_idle_ = std::move(observer); }

  // `job` has command and main. On record before it is started; when it cannot be started it leaves
  // no record. Runs to its end whatever happens to the caller.
  net::Task<Result<model::JobRecord>> start(SandboxPtr sandbox,
                                            model::JobRecord job,
                                            wire::ExecRequest request);
  // For a sandbox that was found alive: takes up what its agent has, and ends what nobody knows, in
  // the background; then calls `then`, unless it could not find them out.
  void adopt(SandboxPtr sandbox, std::function<void()> then);
  // For a sandbox whose box has ended: until its jobs are in the books, those as lost whose end
  // nobody has seen.
  net::Task<void> settle(SandboxPtr sandbox);
  // The same for all that do not live, whose jobs a daemon before may have left. Once.
  net::Task<void> settleAll(const SandboxTable& table);

  // Those on record in the order of their starts; of live ones as they are now.
  net::Task<Result<std::vector<model::JobRecord>>> list(SandboxPtr sandbox);
  net::Task<Result<model::JobRecord>> find(SandboxPtr sandbox, std::string id);

  // Where its logs are.
  std::string directoryOf(const std::string& sandbox, const std::string& id) const;

  // Leaves what runs to the next daemon.
  net::Task<void> close();

 private:
  class Draining;
  using AgentPtr = std::shared_ptr<channel::Agent>;  // of the sandbox, held for a call
  using WeakAgent = std::weak_ptr<channel::Agent>;   // of the sandbox
  using StreamPtr = std::unique_ptr<channel::JobStream>;

  net::Task<Result<model::JobRecord>> startNow(SandboxPtr sandbox,
                                               model::JobRecord job,
                                               wire::ExecRequest request);
  net::Task<Status> putOnRecord(model::JobRecord& job);
  Status makeRoom(const std::string& sandbox);
  net::Task<Result<LiveJobPtr>> open(model::JobRecord job);
  void carry(const SandboxPtr& sandbox, const LiveJobPtr& job, StreamPtr stream);
  net::Task<void> drain(SandboxPtr sandbox, LiveJobPtr job, StreamPtr stream, WeakAgent agent);
  net::Task<Result<wire::ExecExit>> drainOutput(Sandbox& sandbox,
                                                LiveJob& job,
                                                channel::JobStream& stream);
  net::Task<void> waitForWatchers(LiveJob& job);
  net::Task<std::string> whyLost(SandboxPtr sandbox, WeakAgent agent, Error error);
  net::Task<Status> conclude(SandboxPtr sandbox, model::JobRecord& job);
  net::Task<void> adoptNow(SandboxPtr sandbox, std::function<void()> then);
  net::Task<Status> adoptAll(SandboxPtr sandbox, AgentPtr agent);
  net::Task<Status> adoptOne(SandboxPtr sandbox, AgentPtr agent, model::JobRecord job);
  net::Task<void> endUnknown(AgentPtr agent, std::string id);
  net::Task<void> loseRunning(SandboxPtr sandbox, std::vector<model::JobRecord> jobs);
  net::Task<Status> erase(model::JobRecord job);
  void logFailure(const model::JobRecord& job, std::string_view doing, const Error& error) const;

  const Foundation& foundation_;
  const Timekeeper& timekeeper_;
  Ended on_ended_;
  Idle on_idle_;
  net::TaskGroup tasks_;
  bool closed_ = false;
};

}  // namespace ak::manager
