#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guest/execution.h"
#include "guest/output_ring.h"
#include "guest/pipe.h"
#include "wire/job.h"

namespace ak::guest {

// Whoever passes a job's output on to the host. At most one at a time.
class JobReader {
 public:
  virtual ~JobReader() = default;
  // There is more output, or the job has ended.
  virtual void onProgress() = 0;
  // Another reader has taken over, or the job is forgotten: it is not to be asked any more.
  virtual void onLost(const Error& why) = 0;
};

// Somebody who types on a job's terminal. Several may.
class JobTypist {
 public:
  virtual ~JobTypist() = default;
  // The terminal takes input again.
  virtual void onRoom() = 0;
  // Nobody reads what is typed any more; the job is not to be asked any more.
  virtual void onTerminalGone() = 0;
};

// A command that belongs to the sandbox (wire/job.h): its processes, and the end of its output. It
// reads that output by itself: with a reader only as much as it can keep until it is acknowledged,
// without one all of it, dropping the oldest.
class Job final : public ExecutionObserver {
 public:
  static Result<std::unique_ptr<Job>> start(const Execution::Context& context,
                                            const wire::SandboxRules& rules,
                                            wire::JobRequest request);
  ~Job() override;

  pid_t pid() const { return pid_; }

  // Its main process has ended and its output has been read.
  bool ended() const { return exited_ && !outputs_[0].open && !outputs_[1].open; }

  // As it ended; once ended().
  wire::ExecExit exit() const { return exitRecord(exit_); }

  // Output goes to `reader` from `from` on, or from where it is kept: the answer says. The reader
  // before is told that it was lost. InvalidArgument beyond what was printed.
  Result<wire::JobOffsets> attach(JobReader& reader, const wire::JobOffsets& from);
  void detach(const JobReader& reader);
  // Bytes of channel kStdout or kStderr.
  std::size_t copy(std::uint8_t channel, std::uint64_t offset, char* to, std::size_t size) const;

  // Where the channel's output ends for now.
  std::uint64_t end(std::uint8_t channel) const { return outputs_[channel - 1U].ring.end(); }

  // No more comes on this channel.
  bool closed(std::uint8_t channel) const { return !outputs_[channel - 1U].open; }

  void acknowledge(const wire::JobOffsets& kept);

  // What it runs in place of its argv; empty: that.
  const std::string& shell() const { return shell_; }

  // Conflict without a terminal, or once its main process has ended.
  Status joinTypists(JobTypist& typist);
  void leaveTypists(const JobTypist& typist);

  // For typists: the terminal, which is there until onTerminalGone().
  const sys::OwnedFd& terminal() const { return input_.fd; }

  // To the group that a key would reach.
  void signalForeground(int number);

  // To its main process' group; nothing once that has ended.
  void signal(int number);
  // SIGTERM to all that it started, SIGKILL to what is left after `grace`, then done(). Several may
  // wait.
  void terminate(std::chrono::milliseconds grace, const void* waiter, std::function<void()> done);
  void stopWaiting(const void* waiter);

  // Nobody asks for its end any more: output and exit are given up. Only once ended().
  void forget();

  bool forgotten() const { return forgotten_; }

  // Once in each turn of the loop: tells those who wait for the end of the last process. True when
  // it was forgotten and nothing of it is left.
  bool sweep();
  // Its processes, for whoever ends them; it is of no more use then.
  std::unique_ptr<Execution> release();

  void onMainExit(const MainExit& exit) override;

 private:
  class Output final : public EventHandler {
   public:
    void onEvents(std::uint32_t) override;
    Job* job = nullptr;
    sys::OwnedFd fd;
    OutputRing ring{wire::kJobRing};
    bool readable = false;
    bool open = false;
    std::size_t left = SIZE_MAX;  // after the main process' end: what may still be read
  };

  // The terminal's other direction, on a descriptor of its own: it is watched for room.
  class Input final : public EventHandler {
   public:
    void onEvents(std::uint32_t) override;
    Job* job = nullptr;
    sys::OwnedFd fd;
  };

  struct Waiter {
    const void* who;
    std::function<void()> done;
  };

  explicit Job(const Execution::Context& context) : context_(context) {}

  Status begin(ExecPlan& plan);
  Status openPipes(std::array<sys::OwnedFd, 3>& child_ends);
  Status openTerminal(const ExecPlan& plan, std::array<sys::OwnedFd, 3>& child_ends);
  Status watchAll();
  void closeTerminal();
  // Reads what can be read now, in bites: other work of the loop comes in between.
  void read();
  void readSome(Output& output);
  bool wantsMore(const Output& output) const;
  void close(Output& output);

  Execution::Context context_;
  std::unique_ptr<Execution> execution_;
  std::array<Output, 2> outputs_;  // with a terminal: only the first
  Input input_;                    // not valid without a terminal
  std::vector<JobTypist*> typists_;
  std::string shell_;
  JobReader* reader_ = nullptr;
  std::vector<Waiter> waiters_;
  EventLoop::TimerId next_bite_ = 0;
  pid_t pid_ = 0;
  bool exited_ = false;
  bool forgotten_ = false;
  MainExit exit_;
};

}  // namespace ak::guest
