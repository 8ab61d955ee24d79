#include "manager/auditor.h"

#include <pwd.h>
#include <unistd.h>

#include <array>

#include "base/text.h"
#include "net/loop.h"

namespace ak::manager {

namespace {

using audit::Event;
using audit::Kind;

constexpr std::chrono::seconds kLongCommand{1};
// What other implementations write where no sandbox was made.
constexpr std::string_view kNoSandbox = "ephemeral";

std::string userName(uid_t uid) {
  struct passwd entry{};
  struct passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  const int error = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return error != 0 || found == nullptr || found->pw_name == nullptr ? std::string()
                                                                     : found->pw_name;
}

Kind kindOf(Witness::Deed deed) {
  switch (deed) {
    case Witness::Deed::Stopped:
      return Kind::SandboxStopped;
    case Witness::Deed::Archived:
      return Kind::SandboxArchived;
    case Witness::Deed::Removed:
      return Kind::SandboxRemoved;
  }
  return Kind::SandboxStopped;
}

std::string_view wordOf(Witness::Deed deed) {
  switch (deed) {
    case Witness::Deed::Stopped:
      return "stop";
    case Witness::Deed::Archived:
      return "archive";
    case Witness::Deed::Removed:
      return "remove";
  }
  return "stop";
}

// Which of the rules it was that refused.
std::string_view policyOf(std::string_view operation, const Error& error) {
  if (error.code == ErrorCode::PermissionDenied) {
    return "permissions";
  }
  if (operation == "apply") {
    return "protected_paths";
  }
  return error.message.starts_with("cannot mount") ? "mounts" : "commands";
}

audit::Log::Urgency urgencyOf(Kind kind) {
  switch (kind) {
    case Kind::SandboxRemoved:
    case Kind::VolumeRemoved:
    case Kind::ImageRemoved:
    case Kind::ChangesApplied:
    case Kind::ChangesDiscarded:
    case Kind::PermissionGranted:
    case Kind::PolicyViolation:
      return audit::Log::Urgency::Soon;
    default:
      return audit::Log::Urgency::Ordinary;
  }
}

}  // namespace

Auditor::Auditor(net::Executor executor,
                 std::unique_ptr<audit::Log> log,
                 audit::Redactor redactor,
                 const Clock& clock)
    : log_(std::move(log)),
      redactor_(std::move(redactor)),
      clock_(clock),
      begun_(std::move(executor)) {
  for (const uid_t uid : {uid_t{0}, ::geteuid()}) {
    users_[uid] = userName(uid);
  }
}

Event Auditor::about(Kind kind, const Caller& caller) const {
  audit::Actor actor;
  if (caller.uid < 0) {
    actor.pid = ::getpid();
    actor.uid = ::geteuid();
  } else {
    actor = {audit::Actor::Via::Unix, caller.uid, caller.pid, {}};
  }
  if (const auto found = users_.find(actor.uid); found != users_.end()) {
    actor.user = found->second;
  }
  return {kind, std::move(actor)};
}

void Auditor::record(const Event& event) {
  if (log_) {
    log_->record(event, urgencyOf(event.kind()));
  }
}

void Auditor::refused(const Caller& caller, const Refused& what, const Error& error) {
  const bool by_policy =
      error.code == ErrorCode::PolicyDenied || error.code == ErrorCode::PermissionDenied;
  const bool by_budget = error.code == ErrorCode::Capacity;
  const std::string_view name = what.sandbox.empty() ? kNoSandbox : what.sandbox;
  Event event = about(by_policy   ? Kind::PolicyViolation
                      : by_budget ? Kind::QuotaDenied
                                  : Kind::SandboxError,
                      caller);
  addSandbox(event, by_policy || by_budget ? "sandbox" : "name", name, what.uuid);
  if (by_policy) {
    event.text("policy", policyOf(what.operation, error));
  } else if (by_budget) {
    event.text("quota", "host");
  }
  event.message(by_policy || by_budget ? "details" : "error", error.message, redactor_);
  event.text("operation", what.operation).text("code", errorCodeInfo(error.code).name);
  if (what.command != nullptr) {
    event.command(*what.command);
  }
  if (!what.path.empty()) {
    event.text("path", what.path, Event::kMaxPath);
  }
  record(event);
}

void Auditor::byItself(Deed deed, const model::SandboxRecord& record_of, std::string_view reason) {
  Event event = about(kindOf(deed), Caller());
  addSandbox(event, "name", record_of.name, record_of.uuid).message("reason", reason, redactor_);
  record(event);
}

void Auditor::couldNot(Deed deed, const model::SandboxRecord& record_of, const Error& error) {
  refused(Caller(), {wordOf(deed), record_of.name, record_of.uuid, nullptr, {}}, error);
}

net::Task<void> Auditor::watchCommands() {
  for (;;) {
    if (running_.empty()) {
      co_await begun_.wait();
    }
    co_await net::sleepFor(kLongCommand);
    const SteadyTime now = clock_.steady();
    while (!running_.empty() && now - running_.front()->begun_ >= kLongCommand) {
      CommandRecord& command = *running_.front();
      record(command.event(Kind::CommandStarted));
      command.stopWatching();
    }
  }
}

Event& addSandbox(Event& event,
                  std::string_view key,
                  std::string_view name,
                  std::string_view uuid) {
  event.text(key, name, 256);
  if (!uuid.empty()) {
    event.text("sandbox_uuid", uuid);
  }
  return event;
}

Event& addSecurity(Event& event, const model::Permissions& permissions) {
  const model::Limits& limits = permissions.limits;
  std::vector<std::pair<std::string, std::string>> details = {
      {"network", std::string(name(permissions.network))},
      {"workspace", std::string(name(permissions.workspace))},
      {"seccomp", std::string(name(permissions.seccomp))},
      {"read_only_root", permissions.read_only_root ? "true" : "false"},
      {"pass_environment", permissions.pass_environment ? "true" : "false"},
  };
  const auto add = [&](const char* key, std::uint64_t value) {
    if (value != 0) {
      details.emplace_back(key, std::to_string(value));
    }
  };
  add("memory_bytes", limits.memory_bytes);
  add("cpu_percent", limits.cpu_percent);
  add("pids", limits.pids);
  add("disk_bytes", limits.disk_bytes);
  event.text("profile", name(permissions.profile));
  return event.object("security", details);
}

}  // namespace ak::manager
