#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/result.h"
#include "manager/files.h"
#include "manager/jobs.h"
#include "manager/snapshots.h"
#include "manager/state_import.h"
#include "manager/upkeep.h"
#include "manager/volumes.h"
#include "model/run_request.h"
#include "model/sandbox.h"
#include "net/task.h"

namespace ak::manager {

// Who asks. The unix socket's callers are the owner; TCP callers have ceilings (later).
struct Caller {
  bool local = true;  // may name host paths
  // Of the peer, as the kernel says; -1 when nobody asked (tests).
  std::int64_t uid = -1;
  std::int64_t pid = 0;
};

// Where a running command's output goes and its input comes from: implemented by the API per
// transport. All calls on the loop. A Status error from a sink means that the client is gone; the
// command is then ended.
class ExecSink {
 public:
  virtual ~ExecSink() = default;

  struct Started {
    std::string sandbox;
    std::string uuid;
    std::string image;
    std::vector<std::string> hints;  // one sentence each, for people
    std::vector<std::string>
        warnings;  // the same of what is not as one would expect: for everybody
    bool from_pool = false;
    std::string session;  // of attach: its id
    model::Permissions permissions;
    std::vector<std::string> command;  // when the request named none
    std::vector<model::PortMapping> ports;
  };

  virtual net::Task<Status> started(const Started& started) = 0;
  virtual net::Task<Status> standardOutput(std::string_view data) = 0;
  virtual net::Task<Status> standardError(std::string_view data) = 0;

  // The client's next message; ends with Closed when it has left.
  struct Input {
    enum class Kind { Stdin, StdinEnd, Resize, Signal, Closed };
    Kind kind = Kind::Closed;
    std::string data;
    model::TerminalSize window;
    int signal = 0;
  };

  virtual net::Task<Input> nextInput() = 0;
};

struct Phases {                // microseconds since the request was accepted
  std::uint64_t resolved = 0;  // policy, image
  std::uint64_t claimed = 0;   // box there
  std::uint64_t started = 0;   // command started
  std::uint64_t exited = 0;
  std::uint64_t finished = 0;  // all that the caller waits for
};

struct RunResult {
  model::ExecOutcome outcome;
  std::string sandbox;
  std::string uuid;
  std::string job;  // the id of a detached command
  std::vector<model::Change> changes;
  // Why they could not be listed: the command has run all the same.
  std::optional<Error> changes_error;
  std::vector<model::EnforcedLimit> limits;
  Phases phases;
};

struct SandboxView {
  model::SandboxRecord record;
  model::SandboxStatus status = model::SandboxStatus::Stopped;
  std::vector<std::string> port_problems;  // ports that are not published, and why
};

struct Resized {
  SandboxView view;
  bool restarted = false;
  std::vector<std::string> hints;  // one sentence each, for people
};

struct Overview {
  std::string backend;
  backend::PoolStats pool;
  std::uint64_t running = 0;
  std::uint64_t known = 0;
  std::uint64_t launcher_restarts = 0;
};

// What a running sandbox uses, and may use (0: no limit of ours).
struct Usage {
  std::string name;
  std::string uuid;
  model::BoxStats now;
  model::Limits limits;
};

struct VerifyCheck {
  std::string name;
  bool passed = false;
  std::string detail;
};

// Takes one piece of a log; an error means that its reader is gone.
using LogSink = std::function<net::Task<Status>(std::string_view)>;

enum class ApplyForce : bool { No, Yes };

// The use cases, each written once. Front ends translate to and from these calls and nothing more.
// One writer: all calls on the daemon's loop.
class Manager {
 public:
  virtual ~Manager() = default;

  // Runs one command in a fresh sandbox; returns when it has ended. Detached: as a job, when that
  // has started; the sandbox ends with it unless it is kept.
  virtual net::Task<Result<RunResult>> run(Caller caller,
                                           model::RunRequest request,
                                           ExecSink& sink) = 0;
  virtual net::Task<Result<RunResult>> exec(Caller caller,
                                            std::string name,
                                            model::ExecRequest request,
                                            ExecSink& sink) = 0;
  // Creates and starts a named sandbox without a command (POST /sandboxes).
  virtual net::Task<Result<SandboxView>> create(Caller caller, model::RunRequest request) = 0;
  virtual net::Task<Result<SandboxView>> start(std::string name) = 0;
  virtual net::Task<Result<SandboxView>> stop(std::string name) = 0;
  virtual net::Task<Status> remove(std::string name) = 0;

  // Labels, description, thresholds. Durable when it returns.
  virtual net::Task<Result<SandboxView>> update(std::string name, SandboxUpdate update) = 0;
  // Other limits, under the same ceilings as at its making; durable when it returns. A running
  // sandbox keeps running where the backend can do that, else it is stopped and started again with
  // them, as the same sandbox; a stopped one has them from its next start. Conflict when its memory
  // is in use, Capacity when this machine has no more; then all is as it was.
  virtual net::Task<Result<Resized>> resize(std::string name, model::AskedLimits limits) = 0;
  // So many seconds from the later of now and its present expiry.
  virtual net::Task<Result<SandboxView>> extend(std::string name, std::uint64_t seconds) = 0;
  // Stops it and puts it aside: it is not started before unarchive.
  virtual net::Task<Result<SandboxView>> archive(std::string name, std::string reason) = 0;
  // Takes it out of archive and dormancy; of another it only counts as a use.
  virtual net::Task<Result<SandboxView>> unarchive(std::string name) = 0;
  // Removes sandboxes whose time to live is over, running ones too.
  virtual net::Task<Collected> collect(CollectRequest request) = 0;
  // Does what the lifecycle policies say, or says what it would do.
  virtual net::Task<Reconciled> reconcile(bool dry_run) = 0;

  // Those that carry all these labels, by name.
  virtual net::Task<std::vector<SandboxView>> list(LabelFilter labels) = 0;
  virtual net::Task<Result<SandboxView>> get(std::string name_or_uuid) = 0;
  // Of all that run, by name. One that ends meanwhile is left out.
  virtual net::Task<std::vector<Usage>> usage() = 0;
  virtual net::Task<Result<std::string>> logs(std::string name) = 0;
  // What was printed so far and then what is, until the sandbox has ended or is removed: then why.
  // A reader that does not take its pieces holds up nobody else; it misses what is dropped from the
  // log meanwhile, and a line there says so. Cancelled when the reader leaves.
  virtual net::Task<Result<std::string>> followLogs(std::string name, LogSink sink) = 0;

  // Takes over the records of another implementation (state_import_use.h). Only for local callers.
  virtual net::Task<Result<StateImported>> importState(Caller caller,
                                                       StateImportRequest request) = 0;

  // Of all of these, `paths` are relative to the workspace, and none means all.
  virtual net::Task<Result<std::vector<model::Change>>> changes(std::string name,
                                                                std::vector<std::string> paths) = 0;
  // A unified diff of text files, for people.
  virtual net::Task<Result<std::string>> diff(std::string name, std::vector<std::string> paths) = 0;
  virtual net::Task<Result<std::vector<model::Change>>> apply(std::string name,
                                                              std::vector<std::string> paths,
                                                              ApplyForce protected_too) = 0;
  virtual net::Task<Status> discard(std::string name, std::vector<std::string> paths) = 0;
  virtual net::Task<Result<std::vector<VerifyCheck>>> verify(std::string name) = 0;

  // What is in a running sandbox's file system.
  virtual Files& files() = 0;
  // Its detached commands.
  virtual Jobs& jobs() = 0;

  virtual Snapshots& snapshots() = 0;

  virtual Volumes& volumes() = 0;

  virtual Overview overview() const = 0;
};

}  // namespace ak::manager
