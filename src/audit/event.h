#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/redact.h"
#include "base/clock.h"

namespace ak::audit {

// What an event is about. The first fourteen are those of other implementations of this API, with
// their keys; the rest are ours.
enum class Kind : std::uint8_t {
  SandboxCreated,
  SandboxStarted,
  SandboxStopped,
  SandboxRemoved,
  CommandExecuted,
  FileWritten,
  FileRead,
  SessionAttached,
  PolicyViolation,
  SshConnected,
  SshDisconnected,
  SandboxError,
  QuotaDenied,
  ScheduleTriggered,
  ChangesApplied,
  ChangesDiscarded,
  CommandStarted,
  DaemonStarted,
  DaemonStopped,
  EventsLost,
  FileRemoved,
  ImageImported,
  ImageRemoved,
  JobSignalled,
  LogDamaged,
  LogRepaired,
  PermissionGranted,
  PermissionRevoked,
  SandboxArchived,
  SandboxRecovered,
  SandboxUpdated,
  SessionDetached,
  SnapshotRemoved,
  SnapshotTaken,
  StateImported,
  VolumeCreated,
  VolumeRemoved,
};

struct KindInfo {
  Kind kind;
  std::string_view name;  // `type` in the log
  std::string_view keys;  // for people: its own keys
  std::string_view meaning;
};

// One row per kind, in enum order; docs/audit.md is compared with it.
extern const std::array<KindInfo, 37> kKinds;

const KindInfo& kindInfo(Kind kind);
std::optional<Kind> kindFromName(std::string_view name);

// On whose behalf, by the kernel's word; nothing here is the caller's own claim.
struct Actor {
  enum class Via : std::uint8_t { Daemon, Unix };
  Via via = Via::Daemon;  // Daemon: a timer, or something that ended by itself
  std::int64_t uid = -1;
  std::int64_t pid = 0;
  std::string user;  // the uid's name; "" when it has none
  bool operator==(const Actor&) const = default;
};

// One event on its way into the log: its keys are encoded as they are added, in their order. All
// text may be a stranger's: it becomes JSON of printable ASCII and nothing else, so that it can
// neither forge a line nor drive a terminal; bytes that are not UTF-8 become U+FFFD.
class Event {
 public:
  static constexpr std::size_t kMaxText = 1024;
  static constexpr std::size_t kMaxPath = 4096;

  Event(Kind kind, Actor actor) : kind_(kind), actor_(std::move(actor)) {}

  // What is longer is cut, and a key with `_cut` behind its name says how many bytes are missing.
  Event& text(std::string_view key, std::string_view value, std::size_t limit = kMaxText);
  Event& number(std::string_view key, std::int64_t value);
  Event& flag(std::string_view key, bool value);
  Event& null(std::string_view key);
  // At most 100 of them; `_cut` says how many are missing.
  Event& texts(std::string_view key, const std::vector<std::string>& values);
  template <typename Pairs>
  Event& object(std::string_view key, const Pairs& pairs);
  // An argument vector, redacted and bounded; `redacted` and `command_cut` say what is missing.
  Event& command(const std::vector<std::string>& argv, const Redactor& redactor);
  Event& command(const RedactedCommand& shown);
  // Free text that may quote a command line or what a program said.
  Event& message(std::string_view key, std::string_view value, const Redactor& redactor);

  Kind kind() const { return kind_; }

  // The whole event without its place in the chain: {"timestamp":...,"type":...,... (not closed).
  std::string encode(WallTime now) const;

 private:
  void key(std::string_view key);

  Kind kind_;
  Actor actor_;
  std::string fields_;  // ,"key":value,...
};

// Appends `text` as a JSON string of printable ASCII.
void appendJson(std::string& out, std::string_view text);

template <typename Pairs>
Event& Event::object(std::string_view name, const Pairs& pairs) {
  key(name);
  char before = '{';
  fields_ += pairs.empty() ? "{" : "";
  for (const auto& [one, value] : pairs) {
    fields_ += before;
    appendJson(fields_, one);
    fields_ += ':';
    appendJson(fields_, value);
    before = ',';
  }
  fields_ += '}';
  return *this;
}

}  // namespace ak::audit
