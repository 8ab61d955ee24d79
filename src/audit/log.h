#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "audit/event.h"
#include "audit/files.h"
#include "audit/head.h"
#include "base/clock.h"
#include "base/result.h"
#include "observe/log.h"
#include "sys/owned_fd.h"

namespace ak::audit {

// What a log that cannot be written means for the work of the daemon.
enum class OnFailure : std::uint8_t { Warn, Refuse };

// The audit log: one writer, whose lines are chained (chain.h), appended with one write(2) each,
// and on the disk within a second: a thread of its own calls fdatasync and then writes the head
// (head.h). So no caller waits for a disk, a daemon that is killed loses nothing that record()
// took, and a power cut at most the last second.
//
// Rotated by size; the chain goes on over it. What a crash left unfinished at the end is moved to a
// file of its own (PATH.torn-TIME) at the next opening, and the log says so. A log that was changed
// meanwhile is written on with a break in its chain, and a `log_damaged` line says what was
// expected: it is never made to look whole.
//
// A log that cannot be written (full disk) loses events: they are counted, stats() says so, and the
// first line after it does. ready() is how callers refuse work until then.
//
// record(), ready() and stats() on any thread.
class Log {
 public:
  static constexpr std::chrono::milliseconds kCommitWithin{1000};

  struct Options {
    std::string path;       // in a directory that is made 0700 when missing
    std::string head_path;  // in one that exists
    std::uint64_t max_bytes = std::uint64_t{16} << 20U;
    std::uint32_t max_files = 8;  // rotated ones
    OnFailure on_failure = OnFailure::Warn;
  };

  // Always a log: one that cannot be opened is tried again with the next event.
  static std::unique_ptr<Log> open(Options options, const Clock& clock, const observe::Log& log);
  // Commits what there is.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Soon: on the disk as fast as it takes it, for what cannot be undone.
  enum class Urgency : bool { Ordinary, Soon };
  void record(const Event& event, Urgency urgency = Urgency::Ordinary);

  // With OnFailure::Refuse an error while the log cannot be written; asking tries again.
  Status ready();

  // Returns when everything recorded so far is on the disk, or cannot be. Blocking.
  void commit();

  struct Stats {
    std::uint64_t recorded = 0;  // since the daemon began
    std::uint64_t lost = 0;
    std::string failing;  // why it cannot be written now; empty when it can
    Head head;            // of what was written, on the disk or not
  };

  Stats stats() const;

  const std::string& path() const { return options_.path; }

 private:
  Log(Options options, const Clock& clock, const observe::Log& log);

  // All with the mutex held.
  Status ensureOpen();
  Status openNow();
  // Finds where to go on and puts aside what does not belong there (log_open.cc).
  Status repair();
  Status setAside(std::uint64_t from, std::uint64_t size);
  Status append(const Event& event);
  Status writeLine(const std::string& line);
  Status tellLosses();
  Status reserveSpace();
  Status rotate();
  void failed(const Error& error);
  void wakeCommitter(Urgency urgency);

  void commitLoop(const std::stop_token& stop);
  void commitOnce(std::unique_lock<std::mutex>& lock);
  // Is the file still the one at its path, and as long as we wrote it?
  bool inPlace() const;
  void removeExpired(std::uint64_t first) const;

  const Options options_;
  const Clock& clock_;
  const observe::Log& log_;

  mutable std::mutex mutex_;
  sys::OwnedFd file_;
  std::uint64_t size_ = 0;
  std::uint64_t reserved_ = 0;   // the file's blocks reach so far at least
  std::optional<Head> head_;     // of what was written; nullopt before the first opening
  bool disturbed_ = false;       // by another program; not yet said in the log
  std::vector<Event> findings_;  // of the opening, to be written first
  std::uint64_t recorded_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t untold_ = 0;  // lost, and not yet said in the log
  std::string failing_;
  SteadyTime next_try_{};
  std::vector<sys::OwnedFd> rotated_;  // not yet on the disk

  std::condition_variable_any wake_;
  std::condition_variable_any committed_;
  bool dirty_ = false;
  bool soon_ = false;
  std::uint64_t begun_commits_ = 0;
  std::uint64_t done_commits_ = 0;
  std::jthread committer_;  // last: it uses all above
};

}  // namespace ak::audit
