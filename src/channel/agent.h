#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/task.h"
#include "sys/owned_fd.h"
#include "wire/exec.h"
#include "wire/file.h"
#include "wire/hello.h"
#include "wire/job.h"
#include "wire/relay.h"

namespace ak::channel {

// From a command's timeout on: the agent's SIGTERM and SIGKILL, and as much for a slow machine.
inline constexpr std::chrono::milliseconds kLateAnswer = 2 * wire::kTermGrace;

// For answers that need no work of a guest program. Generous: a sandbox at its cpu limit is slow.
inline constexpr std::chrono::seconds kCallLimit{30};

// One end of a running exec. Everything runs on the executor of its Agent. Destroying it resets the
// stream: the agent then kills what the exec started.
class ExecStream {
 public:
  virtual ~ExecStream() = default;

  struct Event {
    enum class Kind { Stdout, Stderr, Exit };
    Kind kind = Kind::Exit;
    std::string data;     // Stdout, Stderr
    wire::ExecExit exit;  // Exit: always the last event
  };

  virtual std::uint32_t pid() const = 0;
  // The next event. Timeout when the command's own time is over and its agent says nothing: see
  // Agent::exec. Memory is bounded by the credit window: a caller that does not read stops the
  // guest's writer and nobody else.
  virtual net::Task<Result<Event>> next() = 0;
  // Waits for credit; Conflict once stdin is closed.
  virtual net::Task<Status> writeStdin(std::string_view data) = 0;
  virtual net::Task<Status> closeStdin() = 0;
  virtual net::Task<Status> control(const wire::ExecControl& control) = 0;
};

// The host's end of a job (wire/job.h). Destroying it leaves the job alone.
class JobStream {
 public:
  virtual ~JobStream() = default;

  virtual std::uint32_t pid() const = 0;
  // What was run where the user's login shell was asked for; empty: the request's command. The
  // guest's word.
  virtual const std::string& shell() const = 0;
  // Of the first bytes to come. Not before what was asked for; behind it where the agent had to
  // drop some.
  virtual const wire::JobOffsets& from() const = 0;
  // The next event, without an end of waiting: a job may be silent for days. Output is numbered
  // from from() on without gaps.
  virtual net::Task<Result<ExecStream::Event>> next() = 0;
  // The output before these offsets is where it survives us.
  virtual Status acknowledge(const wire::JobOffsets& kept) = 0;
};

// Somebody who types on a job's terminal. Destroying it leaves the job alone.
class JobTerminal {
 public:
  virtual ~JobTerminal() = default;
  // Waits for credit: a job that does not read holds up nobody else. Conflict once it has ended.
  virtual net::Task<Status> write(std::string_view keys) = 0;
  // The key that means end of file there.
  virtual Status endOfFile() = 0;
  // A size, or a signal for the terminal's foreground.
  virtual Status control(const wire::ExecControl& control) = 0;
};

// So many bytes went by, with this SHA-256 in hex.
struct FileDigest {
  std::uint64_t size = 0;
  std::string sha256;
};

// A file of the sandbox that is being read. Destroying it ends the reading. Memory is bounded by
// the credit window: a caller that does not ask stops the agent's reading of this file, and nobody
// else.
class FileReader {
 public:
  virtual ~FileReader() = default;

  // As it was when it was opened.
  virtual const wire::FileInfo& info() const = 0;
  // The next bytes; nothing at the end: where the file ended when it was opened, or earlier if it
  // was cut meanwhile. A file that grows is not followed.
  virtual net::Task<Result<std::optional<std::string>>> next() = 0;
  // Of what next() has given; once.
  virtual FileDigest digest() = 0;
};

// A file of the sandbox that is being written: it appears as a whole with commit(). Destroying it
// before leaves what was there.
class FileWriter {
 public:
  virtual ~FileWriter() = default;
  // Waits for credit. The Error may be that of opening: the agent refuses late.
  virtual net::Task<Status> write(std::string_view data) = 0;
  virtual net::Task<Result<wire::FileInfo>> commit() = 0;
  // Of what write() has taken; once.
  virtual FileDigest digest() = 0;
};

// A connection to a port in the sandbox (wire/relay.h). Destroying it before it is over breaks it
// on the other side too. Memory is bounded by the credit window: a caller that does not read stops
// the sandbox's writer and nobody else. One reader and one writer, which may wait at the same time.
class Relay {
 public:
  virtual ~Relay() = default;

  // The next bytes, or the next datagram, without an end of waiting; nothing once the sandbox sends
  // no more. Unavailable when the connection broke.
  virtual net::Task<Result<std::optional<std::string>>> next() = 0;
  // All of it, or one datagram (at most wire::kMaxDatagram). Waits for credit.
  virtual net::Task<Status> write(std::string_view data) = 0;
  // Nothing more is written.
  virtual Status endWriting() = 0;
  // When both have said so: until the sandbox's side has all. Timeout after `limit`.
  virtual net::Task<Status> finish(std::chrono::milliseconds limit) = 0;
  // Breaks it now: who waits for it fails with Cancelled.
  virtual void abort() = 0;
};

// The host's side of one agent: a session over one byte channel. Owned by the sandbox that it
// serves; all calls and completions on one executor.
class Agent {
 public:
  virtual ~Agent() = default;

  virtual const wire::GuestHello& hello() const = 0;
  virtual bool alive() const = 0;
  // Called once when the session ends, for whatever reason.
  virtual void onClosed(std::function<void(const Error&)> handler) = 0;

  // The agent keeps the time of a command that has a timeout. Should it not (a guest may have found
  // a way to stop it), calls fail with Timeout once they have waited for it, all together, until
  // kLateAnswer after the command should have been over. Time that the caller takes is not counted.
  virtual net::Task<Result<std::unique_ptr<ExecStream>>> exec(wire::ExecRequest request) = 0;

  // Jobs, by ids that the caller chooses (8 hex digits). An attached stream takes over from the one
  // before, also from one of an earlier session.
  virtual net::Task<Result<std::unique_ptr<JobStream>>> startJob(std::string id,
                                                                 wire::ExecRequest request) = 0;
  virtual net::Task<Result<std::unique_ptr<JobStream>>> attachJob(std::string id,
                                                                  wire::JobOffsets from) = 0;
  // Several may type at once. Conflict: it has no terminal, or has ended.
  virtual net::Task<Result<std::unique_ptr<JobTerminal>>> typeOnJob(std::string id) = 0;
  virtual net::Task<Result<std::vector<wire::JobSummary>>> listJobs() = 0;
  virtual net::Task<Status> signalJob(std::string id, int signal) = 0;
  // SIGTERM to all that it started, after `grace` SIGKILL; returns when nothing is left.
  virtual net::Task<Status> killJob(std::string id, std::chrono::milliseconds grace) = 0;
  // Of one that has ended: the agent gives up what it keeps of it.
  virtual net::Task<Status> forgetJob(std::string id) = 0;

  // Connects to a port in the sandbox. Unavailable when nothing listens there, Capacity at
  // wire::kMaxRelays, Unsupported when the agent is too old for it.
  virtual net::Task<Result<std::unique_ptr<Relay>>> relay(wire::RelayRequest request) = 0;

  virtual net::Task<Status> ping() = 0;
  virtual net::Task<Status> shutdown() = 0;
  // When the sandbox's time is over, so long from now: the agent then ends it if no host is there.
  // Nothing takes it back. Unsupported by an agent that does not know it.
  virtual net::Task<Status> deadline(std::optional<std::chrono::milliseconds> after) = 0;

  // Files (wire/file.h): paths are absolute in the sandbox and resolved by the agent beneath its
  // root. Each waits at most kCallLimit for the agent.
  // Stat, MakeDirectory, MakeLink, Remove: what there is, or was.
  virtual net::Task<Result<wire::FileInfo>> file(wire::FileRequest request) = 0;
  virtual net::Task<Result<std::vector<wire::FileInfo>>> list(std::string path) = 0;
  virtual net::Task<Result<std::unique_ptr<FileReader>>> openFile(wire::FileRequest request) = 0;
  virtual net::Task<Result<std::unique_ptr<FileWriter>>> createFile(wire::FileRequest request) = 0;
};

// The whole of a file at once: for content that is in memory anyway.
net::Task<Result<wire::FileInfo>> writeFile(Agent& agent,
                                            wire::FileRequest request,
                                            std::string_view content);

// First session: pipelines preamble, Hello with key and rules, so that the first exec can follow in
// the same write. `socket` is connected (unix stream); `executor` is the loop's.
net::Task<Result<std::shared_ptr<Agent>>> openFirstSession(net::Executor executor,
                                                           sys::OwnedFd socket,
                                                           std::string key,
                                                           wire::SandboxRules rules);

// A later session, after a daemon restart: proves the key both ways under a higher epoch.
net::Task<Result<std::shared_ptr<Agent>>> resumeSession(net::Executor executor,
                                                        sys::OwnedFd socket,
                                                        std::string key,
                                                        std::uint64_t epoch);

}  // namespace ak::channel
