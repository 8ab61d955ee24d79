#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Service::Exec. Open carries an ExecRequest. The agent answers Reply{ExecStarted} or Reset, then
// Data on kStdout/kStderr (with a PTY: kStdout only), End for each, Reply{ExecExit}, Close.
// The host sends Data/End on kStdin and Control{ExecControl}. When the main process ends, what is
// in the pipes by then is delivered and the exec is over, even if a background child keeps them
// open. If the stream is reset or the session ends, the agent kills everything the exec started.
namespace ak::wire {

struct WindowSize {
  std::uint16_t rows = 24;
  std::uint16_t columns = 80;
  bool operator==(const WindowSize&) const = default;
};

struct ResourceLimit {
  std::uint32_t resource = 0;  // RLIMIT_*
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
  bool operator==(const ResourceLimit&) const = default;
};

struct ExecRequest {
  std::vector<std::string> argv;         // argv[0] is looked up in PATH of `environment`
  std::vector<std::string> environment;  // KEY=VALUE, laid over SandboxRules::base_environment
  std::string directory;                 // absolute; empty: "/"
  std::string user;  // "", "name", "uid", "uid:gid", "name:group": /etc/passwd of the guest
  bool terminal = false;
  WindowSize window;
  bool close_stdin = false;      // stdin is /dev/null
  std::uint32_t timeout_ms = 0;  // kept by the agent; 0: none
  bool last = false;             // the sandbox is this exec's alone: its end may end the agent
  std::vector<ResourceLimit> limits;
  // The shell that /etc/passwd names for the user instead of argv, which stays what runs where it
  // names none; SHELL tells the command so. An agent that does not know this runs argv.
  bool login_shell = false;
  bool operator==(const ExecRequest&) const = default;
};

// What the agent gives a command between SIGTERM at its timeout and SIGKILL.
inline constexpr std::chrono::milliseconds kTermGrace{2000};

struct ExecStarted {
  std::uint32_t pid = 0;  // in the sandbox
  bool operator==(const ExecStarted&) const = default;
};

struct ExecExit {
  std::int32_t code = 0;
  std::int32_t signal = 0;  // not 0: ended by this signal
  bool timed_out = false;
  bool killed = false;         // by us: client gone, kill request, out of lease
  bool out_of_memory = false;  // the kernel's OOM killer was at work in this sandbox meanwhile
  bool operator==(const ExecExit&) const = default;
};

struct ExecControl {
  enum class Kind : std::uint8_t { Resize = 1, Signal = 2, Kill = 3 };
  Kind kind = Kind::Resize;
  WindowSize window;
  std::int32_t signal = 0;  // to the main process' group (with a PTY: its foreground group)
  bool operator==(const ExecControl&) const = default;
};

// Reset codes of this service are ErrorCode names: command_not_found, command_not_runnable,
// capacity (pids limit), invalid_argument (no such user, directory missing).

std::string encode(const ExecRequest& request);
std::string encode(const ExecStarted& started);
std::string encode(const ExecExit& exit);
std::string encode(const ExecControl& control);
Result<ExecRequest> decodeExecRequest(std::string_view text);
Result<ExecStarted> decodeExecStarted(std::string_view text);
Result<ExecExit> decodeExecExit(std::string_view text);
Result<ExecControl> decodeExecControl(std::string_view text);

}  // namespace ak::wire
