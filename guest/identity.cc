#include "guest/identity.h"

#include <utility>

#include "base/text.h"
#include "crypto/mac.h"

namespace ak::guest {

std::string sessionProof(std::string_view key,
                         std::string_view role,
                         const Identity::Nonces& nonces) {
  std::string message(role);
  for (unsigned i = 0; i < 8; ++i) {
    message += static_cast<char>(nonces.host.epoch >> (8 * i) & 0xffU);
  }
  message += nonces.host.nonce;
  message += nonces.guest;
  return crypto::mac(key, message);
}

Identity::~Identity() {
  crypto::wipe(key_);
}

Status Identity::adopt(wire::HostHello& hello) {
  if (hello.key.empty() || !hello.has_rules) {
    return fail(ErrorCode::Unauthenticated, "the first session must bring the sandbox's key");
  }
  key_ = std::exchange(hello.key, {});
  rules_ = std::move(hello.rules);
  return {};
}

Result<std::string> Identity::admit(wire::HostHello& hello, const Nonces& nonces) {
  if (hello.version < wire::kOldestProtocolVersion) {
    return fail(ErrorCode::Unsupported, cat("this agent speaks protocol version ",
                                            wire::kProtocolVersion, ", not ", hello.version));
  }
  if (!hasKey()) {
    AK_TRY(adopt(hello));
  } else {
    // A key in a later hello is not looked at: it can be set once.
    crypto::wipe(hello.key);
    const std::string expected = sessionProof(key_, "ak-host", nonces);
    if (!crypto::equalInConstantTime(expected, hello.proof)) {
      return fail(ErrorCode::Unauthenticated, "the sandbox's key was not proved");
    }
    if (nonces.host.epoch <= epoch_) {
      return fail(ErrorCode::Conflict,
                  cat("epoch ", nonces.host.epoch, " is not newer than ", epoch_));
    }
  }
  epoch_ = nonces.host.epoch;
  return sessionProof(key_, "ak-guest", nonces);
}

}  // namespace ak::guest
