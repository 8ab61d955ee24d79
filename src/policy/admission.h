#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/permissions.h"

namespace ak::policy {

// What sandboxes may take of the host together; 0 = not bounded.
struct HostBudget {
  std::uint64_t memory_bytes = 0;
  std::uint64_t pids = 0;
  std::uint64_t descriptors = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t sandboxes = 0;
  bool operator==(const HostBudget&) const = default;
};

// What live sandboxes hold, or what one asks for.
struct Reservation {
  std::uint64_t memory_bytes = 0;
  std::uint64_t pids = 0;
  std::uint64_t descriptors = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t sandboxes = 0;
  Reservation& operator+=(const Reservation& other);  // saturates
  Reservation& operator-=(const Reservation& other);  // stops at zero
  bool operator==(const Reservation&) const = default;
};

// Facts of this machine, found out by the caller.
struct HostFacts {
  std::uint64_t memory_bytes = 0;
  std::uint64_t pid_max = 0;           // lowest of pid_max, threads-max and our own cgroup's limit
  std::uint64_t descriptor_limit = 0;  // RLIMIT_NOFILE of the daemon
  std::uint64_t free_disk_bytes = 0;   // of the state directory's file system
};

// The budget when the user config names none: 80% of memory, half the pids, 80% of the descriptors,
// 90% of the free disk. A number from the user config replaces its own.
HostBudget defaultBudget(const HostFacts& facts);

// What one sandbox counts for. A limit that somebody asked for is a promise and counts in full. A
// profile's default is a ceiling that most sandboxes never come near, so it counts for at most the
// kDefault* share: some 600 idle ones fit in 24 GiB, and the ceiling still stops each of them. A
// sandbox without a limit is reserved the kUnlimited* share: nothing holds it to that, but without
// a number an endless queue of them would be admitted.
Reservation reservationFor(const model::Limits& limits);

// A warm box of the pool: an agent that waits.
Reservation reservationForWarm(std::uint32_t boxes);

inline constexpr std::uint64_t kDefaultMemoryShare = std::uint64_t{32} << 20U;
inline constexpr std::uint64_t kDefaultPidsShare = 24;
inline constexpr std::uint64_t kDefaultDiskShare = std::uint64_t{16} << 20U;
inline constexpr std::uint64_t kWarmMemoryShare = std::uint64_t{2} << 20U;

inline constexpr std::uint64_t kUnlimitedMemoryShare = std::uint64_t{256} << 20U;
inline constexpr std::uint64_t kUnlimitedPidsShare = 512;
inline constexpr std::uint64_t kDescriptorsPerSandbox = 16;

// Capacity when `asked` does not fit beside `held`, naming what is short, how much is free and what
// the user can do. Asked before anything is made; the pool is shrunk first by the caller.
Status admit(const HostBudget& budget, const Reservation& held, const Reservation& asked);

}  // namespace ak::policy
