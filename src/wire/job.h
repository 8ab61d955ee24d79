#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/exec.h"

// Service::Job: commands that belong to the sandbox and not to a session. Open carries a
// JobRequest. The agent answers by kind:
//
//   Start, Attach  Reply{JobAttached}, then output as it comes, End for each channel,
//                  Reply{ExecExit}, Close. The host sends Control{JobAck}.
//   List           Reply{JobList}, Close
//   Signal         empty Reply, Close
//   Kill           SIGTERM to everything that the job started, after grace_ms SIGKILL until nothing
//                  is left; then an empty Reply, Close
//   Forget         empty Reply, Close: a job that has ended, with what is kept of its output
//   Type           empty Reply; the host sends Data/End on kStdin and Control{ExecControl} without
//                  Kill: keys, size and signals for the job's terminal. Close when the job has
//                  ended. The end of the stream changes nothing for the job, and several may be
//                  open.
//
// Output is numbered in bytes from the job's start, each stream for itself. The agent keeps the
// last kJobRing bytes of each. With a host attached it keeps what the host has not acknowledged,
// and reads no more of the job's output than it can keep: a host that does not read stops the job's
// writer. Without a host the job goes on and the oldest bytes are dropped; the next Attach says
// from where it goes on. A host thus acknowledges what it has put where it survives the host's
// death, attaches with that offset, and loses nothing but what the agent had to drop.
//
// One host stream is attached to a job at a time: a later Attach resets the earlier (conflict).
namespace ak::wire {

// Of one sandbox: running, ended and not forgotten, or forgotten with processes left.
inline constexpr std::size_t kMaxJobs = 64;
inline constexpr std::size_t kJobRing = 256 * 1024;

struct JobOffsets {
  std::uint64_t out = 0;
  std::uint64_t err = 0;
  bool operator==(const JobOffsets&) const = default;
};

// More than any job can print; what is above is refused, so that sums cannot wrap.
inline constexpr std::uint64_t kMaxJobOffset = std::uint64_t{1} << 56U;

struct JobRequest {
  // Numbers are forever.
  enum class Kind : std::uint8_t {
    Start = 1,
    Attach = 2,
    List = 3,
    Signal = 4,
    Kill = 5,
    Forget = 6,
    Type = 7
  };
  Kind kind = Kind::List;
  std::string id;  // 8 lower-case hex digits; not of List
  // Start: without `last`. With a terminal it has standard input too, from those who Type; without
  // one it has neither.
  ExecRequest exec;
  JobOffsets from;             // Attach: where the host's copy ends
  std::int32_t signal = 0;     // Signal: to the main process' group
  std::uint32_t grace_ms = 0;  // Kill: at most kMaxGraceMs
  bool operator==(const JobRequest&) const = default;
};

struct JobAttached {
  std::uint32_t pid = 0;  // in the sandbox
  JobOffsets from;    // of the bytes that come; above the request's: what is between was dropped
  std::string shell;  // ExecRequest::login_shell: what is run; empty: argv
  bool operator==(const JobAttached&) const = default;
};

// So far the host needs nothing any more.
struct JobAck {
  JobOffsets kept;
  bool operator==(const JobAck&) const = default;
};

struct JobSummary {
  std::string id;
  std::uint32_t pid = 0;
  bool ended = false;
  bool operator==(const JobSummary&) const = default;
};

bool isJobId(std::string_view id);

// Reset codes beside those of Exec: not_found (no such job), already_exists (Start), conflict
// (Forget of one that runs; taken over; Type on one without a terminal or that has ended), capacity
// (kMaxJobs).

std::string encode(const JobRequest& request);
std::string encode(const JobAttached& attached);
std::string encode(const JobAck& ack);
std::string encode(const std::vector<JobSummary>& jobs);
Result<JobRequest> decodeJobRequest(std::string_view text);
Result<JobAttached> decodeJobAttached(std::string_view text);
Result<JobAck> decodeJobAck(std::string_view text);
// At most kMaxJobs, no id twice.
Result<std::vector<JobSummary>> decodeJobList(std::string_view text);

}  // namespace ak::wire
