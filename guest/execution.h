#pragma once

#include <memory>
#include <string>
#include <unordered_set>

#include "guest/event_loop.h"
#include "guest/exec_group.h"
#include "guest/exec_plan.h"
#include "guest/memory_kills.h"
#include "guest/reaper.h"
#include "guest/supervisor.h"

namespace ak::guest {

struct MainExit {
  int status = 0;  // as waitpid(2) gives it
  bool timed_out = false;
  bool killed = false;
  bool out_of_memory = false;
};

// The same as the host is told.
wire::ExecExit exitRecord(const MainExit& exit);

class ExecutionObserver {
 public:
  virtual ~ExecutionObserver() = default;
  virtual void onMainExit(const MainExit& exit) = 0;
};

// The processes of one exec, from clone to the last of them. It outlives its stream: what was told
// to end is pursued until nothing is left.
class Execution final : public ChildListener, public EventHandler {
 public:
  struct Context {
    EventLoop& loop;
    Reaper& reaper;
    const Processes& processes;
    std::unordered_set<Execution*>& all;  // every Execution enters and leaves by itself
    int cgroup = -1;                      // -1: no child cgroups
    int kill_count = -1;                  // -1: no count of the whole sandbox
  };

  struct Stdio {
    int in;
    int out;
    int err;
  };

  static Result<std::unique_ptr<Execution>> start(const Context& context,
                                                  ExecPlan& plan,
                                                  const Stdio& stdio);
  ~Execution() override;

  pid_t pid() const { return main_; }

  void observe(ExecutionObserver* observer) { observer_ = observer; }

  void setTimeout(std::chrono::milliseconds after);
  // To the main process' group, which goes on if it was stopped and is asked to end; nothing once
  // the main process has ended.
  void signal(int number);
  void signalGroup(pid_t group, int number) const;
  enum class Reason { Killed, TimedOut };
  // SIGKILL for everything, again and again until all is gone.
  void kill(Reason reason);
  // SIGTERM to everything, and after `grace` kill() for what is left. Its main process counts as
  // killed from now on, however it ends. A second call changes the grace.
  void terminate(std::chrono::milliseconds grace);

  bool mainEnded() const { return ended_; }

  // Not one process is left.
  bool allGone();

  // And nobody watches: may be destroyed.
  bool finished() { return observer_ == nullptr && allGone(); }

  void onChildExit(pid_t pid, int status) override;
  void onEvents(std::uint32_t events) override;

 private:
  explicit Execution(const Context& context) : context_(context) { context_.all.insert(this); }

  Status launch(ExecPlan& plan, const Stdio& stdio);
  Status launchSupervised(ExecPlan& plan, ChildPlan& child);
  void pursue();
  void mainEnd(int status);
  bool outOfMemory(int status) const;

  Context context_;
  std::unique_ptr<ExecGroup> group_;
  ExecutionObserver* observer_ = nullptr;
  sys::OwnedFd status_;             // of the supervisor, if any
  std::uint64_t kills_before_ = 0;  // of the whole sandbox
  pid_t main_ = 0;
  pid_t supervisor_ = 0;
  EventLoop::TimerId timeout_ = 0;
  EventLoop::TimerId grace_ = 0;
  EventLoop::TimerId pursuit_ = 0;
  std::chrono::milliseconds pause_{1};
  int silences_ = 0;
  bool ended_ = false;
  bool supervisor_gone_ = false;
  bool strays_ = false;  // the guest killed the supervisor
  bool timed_out_ = false;
  bool killed_ = false;
  bool known_empty_ = false;
  std::uint64_t checked_at_ = UINT64_MAX;  // reaper's count when the group was last found occupied
};

}  // namespace ak::guest
