#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/hello.h"

namespace ak::guest {

// Who may speak as the host. The first hello sets key and rules, for good; every later one must
// prove the key under a higher epoch.
class Identity {
 public:
  Identity() = default;
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  ~Identity();

  struct Nonces {
    wire::Preamble host;
    std::string guest;
  };

  // Returns the guest's proof; from then on `nonces.host.epoch` is the newest epoch.
  // Unauthenticated: no or wrong proof. Conflict: old epoch. Unsupported: protocol version.
  Result<std::string> admit(wire::HostHello& hello, const Nonces& nonces);

  bool hasKey() const { return !key_.empty(); }

  const wire::SandboxRules& rules() const { return rules_; }

 private:
  Status adopt(wire::HostHello& hello);

  std::string key_;
  std::uint64_t epoch_ = 0;
  wire::SandboxRules rules_;
};

// "ak-host" or "ak-guest" | epoch | host nonce | guest nonce, under the key.
std::string sessionProof(std::string_view key,
                         std::string_view role,
                         const Identity::Nonces& nonces);

}  // namespace ak::guest
