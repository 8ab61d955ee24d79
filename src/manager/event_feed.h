#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "model/sandbox.h"
#include "net/event.h"

namespace ak::manager {

// One thing that happened to a sandbox.
struct SandboxEvent {
  // More about it: a text or a number.
  struct Detail {
    std::string_view key;  // a word of ours
    std::string text;
    std::optional<std::int64_t> number;
  };

  std::uint64_t number = 0;  // counted from 1 by each daemon
  std::string_view type;     // one of event_type
  std::string time;
  std::string sandbox;
  std::string uuid;
  model::Labels labels;
  std::vector<Detail> details;
};

namespace event_type {
inline constexpr std::string_view kCreated = "sandbox.created";
inline constexpr std::string_view kStarted = "sandbox.started";
inline constexpr std::string_view kExecCompleted = "sandbox.exec.completed";
inline constexpr std::string_view kJobEnded = "sandbox.job.ended";
inline constexpr std::string_view kUpdated = "sandbox.updated";
inline constexpr std::string_view kArchived = "sandbox.archived";
inline constexpr std::string_view kRecovered = "sandbox.recovered";
inline constexpr std::string_view kStopped = "sandbox.stopped";
inline constexpr std::string_view kDeleted = "sandbox.deleted";
}  // namespace event_type

// What happens to sandboxes, whoever causes it, for those who watch: the newest kKept events. No
// watcher holds up anybody; one that is too slow is told how many it missed. Nothing is kept beyond
// the daemon: the lasting record is the audit log. All on the loop.
class EventFeed {
 public:
  static constexpr std::size_t kKept = 1024;

  EventFeed(net::Executor executor, const Clock& clock, Random& random);

  void publish(std::string_view type,
               const model::SandboxRecord& sandbox,
               std::vector<SandboxEvent::Detail> details = {});

  // Tells this daemon's numbers from those of another.
  const std::string& instance() const { return instance_; }

  std::uint64_t newest() const { return newest_; }

  struct Batch {
    std::vector<SandboxEvent> events;  // oldest first
    std::uint64_t missed = 0;          // dropped before the first of them
  };

  // What came behind `number`.
  Batch since(std::uint64_t number) const;
  // Until something is published. Look first: what was published before reaches nobody.
  net::Task<void> changed();

 private:
  const Clock& clock_;
  const std::string instance_;
  std::deque<SandboxEvent> kept_;
  std::uint64_t newest_ = 0;
  net::Event published_;
};

}  // namespace ak::manager
