#include "audit/event.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace ak::audit {

namespace {

constexpr std::size_t kMaxTexts = 100;

bool isPlain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

std::string_view viaName(Actor::Via via) {
  switch (via) {
    case Actor::Via::Daemon:
      return "daemon";
    case Actor::Via::Unix:
      return "unix";
  }
  return "daemon";
}

}  // namespace

const std::array<KindInfo, 37> kKinds = {{
    {Kind::SandboxCreated, "sandbox_created",
     "name, image, backend, labels?, volumes?, ports?, profile, security",
     "A named sandbox was made."},
    {Kind::SandboxStarted, "sandbox_started", "name, profile, security", "It was started."},
    {Kind::SandboxStopped, "sandbox_stopped", "name, reason?",
     "It was stopped, or ended by itself."},
    {Kind::SandboxRemoved, "sandbox_removed", "name, reason?", "It was ended and forgotten."},
    {Kind::CommandExecuted, "command_executed",
     "sandbox, command, exit_code, outcome, image?, profile?, one_shot?, terminal?, env?",
     "A command ended, or (exit_code null) was started detached or was interrupted."},
    {Kind::FileWritten, "file_written", "sandbox, path, entry?, bytes?, sha256?",
     "A file, directory or link was put into a sandbox."},
    {Kind::FileRead, "file_read", "sandbox, path, bytes?, sha256?",
     "A file was taken out of a sandbox."},
    {Kind::SessionAttached, "session_attached", "sandbox, command, session?, new?, env?",
     "A command was started on a terminal, or somebody joined a session."},
    {Kind::PolicyViolation, "policy_violation", "sandbox, policy, details, operation, command?",
     "A policy refused what was asked."},
    {Kind::SshConnected, "ssh_connected", "sandbox, host_port, ssh_user", "Not written yet."},
    {Kind::SshDisconnected, "ssh_disconnected", "sandbox, duration_secs, recording?",
     "Not written yet."},
    {Kind::SandboxError, "sandbox_error", "name, error, operation, code, command?, path?",
     "What was asked could not be done; a failing init script, too."},
    {Kind::QuotaDenied, "quota_denied", "sandbox, quota, details, operation",
     "The host's budget for sandboxes is spent."},
    {Kind::ScheduleTriggered, "schedule_triggered", "schedule_id, schedule_name, method",
     "Not written yet."},
    {Kind::ChangesApplied, "changes_applied", "sandbox, paths, count, forced?",
     "What the guest wrote was copied to the project."},
    {Kind::ChangesDiscarded, "changes_discarded", "sandbox, paths",
     "What the guest wrote was dropped."},
    {Kind::CommandStarted, "command_started", "sandbox, command",
     "A command has been running for a second; how it ends is said later."},
    {Kind::DaemonStarted, "daemon_started", "version", "The daemon began its work."},
    {Kind::DaemonStopped, "daemon_stopped", "", "It ended in order."},
    {Kind::EventsLost, "events_lost", "count, error",
     "So many events before this one could not be written."},
    {Kind::FileRemoved, "file_removed", "sandbox, path, recursive?",
     "A file or directory was removed from a sandbox."},
    {Kind::ImageImported, "image_imported", "image, digest, path", "An image was imported."},
    {Kind::ImageRemoved, "image_removed", "images", "Images were removed."},
    {Kind::JobSignalled, "job_signalled", "sandbox, job, signal",
     "A detached command was sent a signal; KILL: all that it started was ended."},
    {Kind::LogDamaged, "log_damaged", "expected, details",
     "The log is not what was written: lines are missing or changed."},
    {Kind::LogRepaired, "log_repaired", "set_aside, bytes",
     "Unfinished lines of a crash were moved to a file of their own."},
    {Kind::PermissionGranted, "permission_granted", "permission, path",
     "A project file was trusted."},
    {Kind::PermissionRevoked, "permission_revoked", "permission, path", "Trust was taken back."},
    {Kind::SandboxArchived, "sandbox_archived", "name, reason", "A sandbox was put aside."},
    {Kind::SandboxRecovered, "sandbox_recovered", "name", "It was taken back."},
    {Kind::SandboxUpdated, "sandbox_updated", "name, change",
     "Labels, description, policy or time to live were changed."},
    {Kind::SessionDetached, "session_detached", "sandbox, session, outcome, exit_code?",
     "Somebody left a session (left, interrupted), or it ended (ended)."},
    {Kind::SnapshotRemoved, "snapshot_removed", "snapshot", "A snapshot was removed."},
    {Kind::SnapshotTaken, "snapshot_taken", "sandbox, snapshot, pause_us?",
     "A snapshot was taken of a sandbox."},
    {Kind::StateImported, "state_imported", "path, sandboxes[], skipped, refused",
     "Records of another implementation were taken over."},
    {Kind::VolumeCreated, "volume_created", "volume, uuid, size_bytes?", "A volume was made."},
    {Kind::VolumeRemoved, "volume_removed", "volume",
     "A volume was removed with all that was in it."},
}};

const KindInfo& kindInfo(Kind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}

std::optional<Kind> kindFromName(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name, &KindInfo::name);
  return found == kKinds.end() ? std::nullopt : std::optional(found->kind);
}

void appendJson(std::string& out, std::string_view text) {
  if (std::ranges::all_of(text, isPlain)) {
    out += '"';
    out += text;
    out += '"';
    return;
  }
  out += nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

void Event::key(std::string_view key) {
  fields_ += ',';
  appendJson(fields_, key);
  fields_ += ':';
}

Event& Event::text(std::string_view name, std::string_view value, std::size_t limit) {
  const std::string_view kept = value.substr(0, limit);
  key(name);
  appendJson(fields_, kept);
  if (kept.size() < value.size()) {
    number(cat(name, "_cut"), static_cast<std::int64_t>(value.size() - kept.size()));
  }
  return *this;
}

Event& Event::number(std::string_view name, std::int64_t value) {
  key(name);
  fields_ += cat(value);
  return *this;
}

Event& Event::flag(std::string_view name, bool value) {
  key(name);
  fields_ += value ? "true" : "false";
  return *this;
}

Event& Event::null(std::string_view name) {
  key(name);
  fields_ += "null";
  return *this;
}

Event& Event::texts(std::string_view name, const std::vector<std::string>& values) {
  std::size_t room = kMaxPath;
  std::size_t shown = 0;
  key(name);
  fields_ += '[';
  for (const std::string& value : values) {
    if (shown == kMaxTexts || value.size() > room) {
      break;
    }
    room -= value.size();
    fields_ += shown++ == 0 ? "" : ",";
    appendJson(fields_, value);
  }
  fields_ += ']';
  if (shown < values.size()) {
    number(cat(name, "_cut"), static_cast<std::int64_t>(values.size() - shown));
  }
  return *this;
}

Event& Event::command(const std::vector<std::string>& argv, const Redactor& redactor) {
  return command(redactor.command(argv));
}

Event& Event::command(const RedactedCommand& shown) {
  key("command");
  fields_ += '[';
  for (std::size_t i = 0; i < shown.arguments.size(); ++i) {
    fields_ += i == 0 ? "" : ",";
    appendJson(fields_, shown.arguments[i]);
  }
  fields_ += ']';
  if (shown.redacted != 0) {
    number("redacted", static_cast<std::int64_t>(shown.redacted));
  }
  if (shown.missing_bytes != 0) {
    number("command_cut", static_cast<std::int64_t>(shown.missing_bytes));
  }
  return *this;
}

Event& Event::message(std::string_view name, std::string_view value, const Redactor& redactor) {
  return text(name, redactor.text(value.substr(0, Redactor::kWindow)));
}

std::string Event::encode(WallTime now) const {
  std::string line = "{\"timestamp\":";
  line.reserve(fields_.size() + 512);
  appendJson(line, formatTime(now));
  line += cat(",\"pid\":", actor_.pid, ",\"user\":");
  if (actor_.user.empty()) {
    line += "null";
  } else {
    appendJson(line, actor_.user);
  }
  line += cat(",\"type\":\"", kindInfo(kind_).name, "\"");
  line += fields_;
  line += cat(",\"actor\":{\"via\":\"", viaName(actor_.via), "\"");
  if (actor_.uid >= 0) {
    line += cat(",\"uid\":", actor_.uid);
  }
  line += '}';
  return line;
}

}  // namespace ak::audit
