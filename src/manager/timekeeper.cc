#include "manager/timekeeper.h"

#include <algorithm>

namespace ak::manager {

using std::chrono::seconds;

// Of the past, else now: what a wrong clock wrote must not make anything older than it is.
SteadyTime Timekeeper::pointOf(const std::string& text) const {
  const WallTime now = clock_.wall();
  const WallTime then = std::min(parseTime(text).value_or(now), now);
  return clock_.steady() - (now - then);
}

seconds Timekeeper::since(SteadyTime point) const {
  return std::max(seconds(0), std::chrono::floor<seconds>(clock_.steady() - point));
}

void Timekeeper::meet(Sandbox& sandbox) const {
  const std::string& stamp = sandbox.record.lifetime.last_activity_at;
  sandbox.last_used = pointOf(parseTime(stamp) ? stamp : formatTime(sandbox.record.created_at));
  readAgain(sandbox);
}

void Timekeeper::readAgain(Sandbox& sandbox) const {
  const model::Lifetime& lifetime = sandbox.record.lifetime;
  sandbox.expires.reset();
  if (const auto expires = parseTime(lifetime.expires_at)) {
    sandbox.expires = clock_.steady() + (*expires - clock_.wall());
  }
  sandbox.archived.reset();
  if (!lifetime.archived_at.empty()) {
    sandbox.archived = pointOf(lifetime.archived_at);
  }
}

void Timekeeper::touch(Sandbox& sandbox) const {
  sandbox.last_used = clock_.steady();
  sandbox.record.lifetime.last_activity_at = formatTime(clock_.wall());
}

void Timekeeper::enter(Sandbox& sandbox) const {
  ++sandbox.in_use;
  touch(sandbox);
}

void Timekeeper::leave(Sandbox& sandbox) const {
  --sandbox.in_use;
  touch(sandbox);
}

std::optional<seconds> Timekeeper::left(const Sandbox& sandbox, seconds grace) const {
  const auto wall = parseTime(sandbox.record.lifetime.expires_at);
  if (!wall || !sandbox.expires) {
    return std::nullopt;
  }
  return std::max(std::chrono::ceil<seconds>(*wall + grace - clock_.wall()),
                  std::chrono::ceil<seconds>(*sandbox.expires + grace - clock_.steady()));
}

bool Timekeeper::expired(const Sandbox& sandbox, seconds grace) const {
  return left(sandbox, grace).value_or(seconds(1)) <= seconds(0);
}

policy::LifecycleSubject Timekeeper::subject(const Sandbox& sandbox) const {
  policy::LifecycleSubject subject;
  subject.sandbox = sandbox.record.name;
  subject.running = sandbox.status == model::SandboxStatus::Running;
  if (sandbox.in_use == 0) {
    subject.idle = since(sandbox.last_used);
  }
  if (sandbox.archived) {
    subject.archived = since(*sandbox.archived);
  }
  subject.policy = sandbox.record.lifetime.policy;
  return subject;
}

std::optional<seconds> Timekeeper::due(const Sandbox& sandbox, seconds grace) const {
  std::optional<seconds> first;
  const auto consider = [&](seconds in) {
    in = std::max(in, seconds(0));
    first = first ? std::min(*first, in) : in;
  };
  if (const auto end = left(sandbox, grace)) {
    consider(*end);
  }
  const auto threshold = [&](const std::optional<std::uint64_t>& after, seconds lasted) {
    if (after) {
      consider(seconds(std::min(*after, model::kMaxLifetimeSeconds)) - lasted);
    }
  };
  const model::LifecyclePolicy& policy = sandbox.record.lifetime.policy;
  if (sandbox.archived) {
    threshold(policy.auto_delete_after_seconds, since(*sandbox.archived));
  } else if (sandbox.in_use == 0) {
    threshold(policy.auto_archive_after_seconds, since(sandbox.last_used));
    if (sandbox.status == model::SandboxStatus::Running) {
      threshold(policy.auto_stop_after_seconds, since(sandbox.last_used));
    }
  }
  return first;
}

}  // namespace ak::manager
