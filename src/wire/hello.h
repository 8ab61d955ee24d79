#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// How a session begins. The host speaks first:
//
//   preamble, 32 bytes: magic "AKAGENT1" | 16 bytes host nonce | u64 epoch (little-endian)
//   then a Hello frame
//
// The agent skips bytes until it sees the magic (the half frame of a daemon that died), answers
// with its own preamble (magic, guest nonce, the same epoch) and Hello. The very first Hello, sent
// before any guest process exists, carries the sandbox's key; every later one proves it:
//
//   host proof  = HMAC(key, "ak-host"  | epoch | host nonce | guest nonce)
//   guest proof = HMAC(key, "ak-guest" | epoch | host nonce | guest nonce)
//
// where HMAC is crypto_auth (HMAC-SHA512-256). A later session's host therefore waits for the
// agent's preamble before its Hello; the first one is sent in one write with the first requests.
// The newest epoch with a good proof wins and ends the older session. Epochs only grow.
namespace ak::wire {

inline constexpr std::string_view kMagic = "AKAGENT1";
inline constexpr std::size_t kNonceSize = 16;
inline constexpr std::size_t kKeySize = 32;
inline constexpr std::size_t kPreambleSize = 32;
inline constexpr std::uint32_t kProtocolVersion = 1;
// A daemon serves agents one version older.
inline constexpr std::uint32_t kOldestProtocolVersion = 1;

struct Preamble {
  std::string nonce;  // kNonceSize bytes
  std::uint64_t epoch = 0;
  bool operator==(const Preamble&) const = default;
};

std::string encodePreamble(const Preamble& preamble);

// Finds the magic in a byte stream, however it is cut, and takes the preamble behind it. Keeps at
// most kPreambleSize bytes; gives up (Protocol) after kMaxSkip bytes without one.
class PreambleScanner {
 public:
  static constexpr std::size_t kMaxSkip = 1024 * 1024;
  // Returns the number of bytes of `bytes` that belong to what precedes and includes the preamble
  // once it is complete, or nothing yet when it needs more.
  Result<bool> feed(std::string_view bytes, std::size_t& consumed);

  const Preamble& preamble() const { return preamble_; }

 private:
  std::string held_;
  std::size_t skipped_ = 0;
  Preamble preamble_;
};

// The rules that the agent applies for the sandbox's whole life; sent in the first Hello only.
struct SandboxRules {
  std::string child_filter;              // BPF of the profile, installed just before each exec;
                                         // without it none runs
  std::uint64_t child_capabilities = 0;  // bounding set of children, CAP_* bits
  std::uint32_t owner_lease_ms =
      30000;  // 0: none (named sandboxes); else end when no session for so long
  std::vector<std::string> base_environment;  // KEY=VALUE, before what an exec asks for
  bool can_group = false;  // fd kExecCgroupFd is a cgroup directory for child cgroups
  bool operator==(const SandboxRules&) const = default;
};

struct HostHello {
  std::uint32_t version = kProtocolVersion;
  std::string build;
  std::string key;    // first session only
  std::string proof;  // later sessions only
  bool has_rules = false;
  SandboxRules rules;
  bool operator==(const HostHello&) const = default;
};

struct GuestHello {
  std::uint32_t version = kProtocolVersion;
  std::string build;
  std::string proof;
  std::string boot_id;                    // random, made by the agent at its start
  std::vector<std::string> capabilities;  // "exec", "pty", "file", "relay", ...
  bool operator==(const GuestHello&) const = default;
};

std::string encodeHostHello(const HostHello& hello);
Result<HostHello> decodeHostHello(std::string_view text);
std::string encodeGuestHello(const GuestHello& hello);
Result<GuestHello> decodeGuestHello(std::string_view text);

}  // namespace ak::wire
