#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/label.h"
#include "model/lifetime.h"
#include "model/permissions.h"
#include "model/port.h"
#include "model/volume.h"

namespace ak::model {

// A file put into the sandbox before the command starts.
struct FileInjection {
  std::string path;  // absolute, inside the sandbox
  std::string content;
  std::uint32_t mode = 0644;
  bool operator==(const FileInjection&) const = default;
};

struct TerminalSize {
  std::uint16_t rows = 24;
  std::uint16_t columns = 80;
  bool operator==(const TerminalSize&) const = default;
};

// The client's directory. Only a caller on the unix socket may name one; an HTTP caller's ceiling
// forbids it.
struct WorkspaceRequest {
  std::string path;  // absolute host path
  // The directory that the client stands in, when it says so: a guest that may write around it can
  // have put a link in its place by the time the daemon looks. 0: any directory.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::optional<WorkspaceMode> mode;  // none given: cow, unless the directory is too wide
  std::vector<std::string> granted;   // protected names that may be written all the same (rw)
  bool operator==(const WorkspaceRequest&) const = default;
};

// agentkernel.toml as the client found it: content and path travel together, so that the daemon
// judges exactly what the user saw and never reads a directory of its own.
struct ProjectFile {
  std::string path;
  std::string content;
  bool operator==(const ProjectFile&) const = default;
};

// What a sandbox is given besides what it runs.
struct Notes {
  Labels labels;
  std::string description;
  std::string created_from_template;  // of both: trimmed
  std::string template_help_text;
  std::optional<std::uint64_t> ttl_seconds;  // none: it never ends by itself
  LifecyclePolicy lifecycle;
  bool operator==(const Notes&) const = default;
};

// Limits that a caller asks for; what is absent is decided by profile and configuration.
struct AskedLimits {
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint32_t> cpu_percent;
  std::optional<std::uint32_t> pids;
  std::optional<std::uint64_t> disk_bytes;
  bool operator==(const AskedLimits&) const = default;
};

// POST /run, POST /run/stream and their upgraded form: what the caller asks for, before policy.
// Absent means "decide for me". JSON: model/run_request_json.h.
struct RunRequest : AskedLimits {
  std::vector<std::string> command;
  std::string image;  // "" = detect, see policy/language.h
  std::optional<Profile> profile;
  std::optional<NetworkMode> network;
  std::vector<std::string> environment;       // KEY=VALUE
  std::vector<std::string> host_environment;  // the six variables, used by permissive only
  std::string workdir;
  std::string user;
  std::string name;
  bool keep = false;
  bool detach = false;
  bool fast = true;           // may come from the warm pool
  bool want_changes = false;  // list what the guest wrote, in the Exit frame
  std::optional<std::chrono::milliseconds> timeout;
  std::vector<FileInjection> files;
  std::string init_script;         // for `sh -c` inside, as uid 0, after each start
  std::vector<PortMapping> ports;  // to be published
  WorkspaceRequest workspace;
  std::optional<ProjectFile> project;
  std::vector<VolumeMount> volumes;
  Notes notes;
  bool terminal = false;
  TerminalSize window;
  bool stdin_open = false;  // false: /dev/null
  bool operator==(const RunRequest&) const = default;
};

// POST /sandboxes/{n}/exec and its upgraded form.
struct ExecRequest {
  std::vector<std::string> command;
  std::vector<std::string> environment;
  std::string workdir;
  std::string user;
  bool sudo = false;  // uid 0 in the sandbox, nothing more
  std::optional<std::chrono::milliseconds> timeout;
  bool terminal = false;
  TerminalSize window;
  bool stdin_open = false;
  bool operator==(const ExecRequest&) const = default;
};

// POST /sandboxes/{n}/attach: a session that is there, or a new one.
struct AttachRequest {
  // Of a new one: always with a terminal; without a command the user's own shell. Of one that is
  // there only `window` counts, and the rest must not be given.
  ExecRequest start;
  std::string session;  // its id, or how that begins; empty: a new one
  bool operator==(const AttachRequest&) const = default;
};

// How a guest command ended. A value, never an Error: we did what was asked.
struct ExecOutcome {
  int exit_code = 0;  // the guest's own; 124 timed out; 128+n by signal
  int signal = 0;
  bool timed_out = false;
  bool killed = false;
  bool out_of_memory = false;
  bool operator==(const ExecOutcome&) const = default;
};

// One path that the guest wrote in a copy-on-write workspace.
struct Change {
  enum class Kind : std::uint8_t { Added, Modified, Deleted };
  Kind kind = Kind::Added;
  std::string path;  // relative to the workspace
  std::uint64_t size = 0;
  std::uint32_t mode = 0;
  // A directory with paths below it that are too long to be named (over 4095 bytes): they are
  // changed too and not listed.
  bool partial = false;
  bool operator==(const Change&) const = default;
};

}  // namespace ak::model
