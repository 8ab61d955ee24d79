#include "policy/admission.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "policy/limits.h"

namespace ak::policy {

namespace {

std::uint64_t addSaturating(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b
             ? std::numeric_limits<std::uint64_t>::max()
             : a + b;
}

std::uint64_t percentOf(std::uint64_t value, std::uint64_t percent) {
  return value / 100 * percent + value % 100 * percent / 100;
}

struct Row {
  std::string_view what;
  LimitQuestion::Unit unit;
  std::uint64_t HostBudget::* budget;
  std::uint64_t Reservation::* part;
};

constexpr Row kRows[] = {
    {"memory", LimitQuestion::Unit::Bytes, &HostBudget::memory_bytes, &Reservation::memory_bytes},
    {"processes", LimitQuestion::Unit::Count, &HostBudget::pids, &Reservation::pids},
    {"file descriptors", LimitQuestion::Unit::Count, &HostBudget::descriptors,
     &Reservation::descriptors},
    {"disk", LimitQuestion::Unit::Bytes, &HostBudget::disk_bytes, &Reservation::disk_bytes},
    {"sandboxes", LimitQuestion::Unit::Count, &HostBudget::sandboxes, &Reservation::sandboxes},
};

// What a machine has is no round number.
std::string amount(LimitQuestion::Unit unit, std::uint64_t value) {
  return unit == LimitQuestion::Unit::Bytes ? readableBytes(value) : cat(value);
}

}  // namespace

Reservation& Reservation::operator+=(const Reservation& other) {
  for (const Row& row : kRows) {
    this->*row.part = addSaturating(this->*row.part, other.*row.part);
  }
  return *this;
}

Reservation& Reservation::operator-=(const Reservation& other) {
  for (const Row& row : kRows) {
    this->*row.part = this->*row.part > other.*row.part ? this->*row.part - other.*row.part : 0;
  }
  return *this;
}

HostBudget defaultBudget(const HostFacts& facts) {
  return {percentOf(facts.memory_bytes, 80), facts.pid_max / 2,
          percentOf(facts.descriptor_limit, 80), percentOf(facts.free_disk_bytes, 90), 0};
}

Reservation reservationFor(const model::Limits& limits) {
  const auto share = [](std::uint64_t limit, bool asked, std::uint64_t most) {
    return asked ? limit : std::min(limit, most);
  };
  return {limits.memory_bytes != 0
              ? share(limits.memory_bytes, limits.explicit_memory, kDefaultMemoryShare)
              : kUnlimitedMemoryShare,
          limits.pids != 0 ? share(limits.pids, limits.explicit_pids, kDefaultPidsShare)
                           : kUnlimitedPidsShare,
          kDescriptorsPerSandbox, share(limits.disk_bytes, limits.explicit_disk, kDefaultDiskShare),
          1};
}

Reservation reservationForWarm(std::uint32_t boxes) {
  return {boxes * kWarmMemoryShare, boxes, boxes * kDescriptorsPerSandbox, 0, boxes};
}

Status admit(const HostBudget& budget, const Reservation& held, const Reservation& asked) {
  for (const Row& row : kRows) {
    const std::uint64_t total = budget.*row.budget;
    const std::uint64_t used = held.*row.part;
    const std::uint64_t want = asked.*row.part;
    if (total == 0 || addSaturating(used, want) <= total) {
      continue;
    }
    const std::uint64_t free = used < total ? total - used : 0;
    return fail(ErrorCode::Capacity,
                cat("not enough ", row.what, ": ", amount(row.unit, want), " asked for, ",
                    amount(row.unit, free), " of ", amount(row.unit, total), " free"),
                "Stop a sandbox (agentkernel list), ask for less, or raise [limits] in the user "
                "config.");
  }
  return {};
}

}  // namespace ak::policy
