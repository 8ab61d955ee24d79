#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/task.h"
#include "sys/owned_fd.h"
#include "wire/exec.h"
#include "wire/hello.h"

namespace ak::channel {

// From a command's timeout on: the agent's SIGTERM and SIGKILL, and as much for a slow machine.
inline constexpr std::chrono::milliseconds kLateAnswer = 2 * wire::kTermGrace;

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

// File service: paths are absolute in the sandbox and resolved by the agent beneath its root.
struct FileInfo {
  enum class Kind : std::uint8_t { Regular, Directory, Symlink, Other };
  Kind kind = Kind::Other;
  std::uint64_t size = 0;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t modified_ns = 0;
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
  virtual net::Task<Status> ping() = 0;
  virtual net::Task<Status> shutdown() = 0;
  virtual net::Task<Result<FileInfo>> stat(std::string path) = 0;
  virtual net::Task<Result<std::string>> readFile(std::string path, std::size_t limit) = 0;
  virtual net::Task<Status> writeFile(std::string path,
                                      std::string content,
                                      std::uint32_t mode) = 0;
  virtual net::Task<Status> makeDirectory(std::string path, std::uint32_t mode) = 0;
  virtual net::Task<Status> removePath(std::string path) = 0;
};

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
