#include "crypto/sha256.h"

#include <sodium.h>

#include "base/text.h"

namespace ak::crypto {

static_assert(sizeof(crypto_hash_sha256_state) <= 104 && alignof(crypto_hash_sha256_state) <= 8);

namespace {

crypto_hash_sha256_state* stateOf(std::array<unsigned char, 104>& bytes) {
  return reinterpret_cast<crypto_hash_sha256_state*>(bytes.data());
}

}  // namespace

Sha256::Sha256() : state_{} {
  crypto_hash_sha256_init(stateOf(state_));
}

void Sha256::update(std::string_view bytes) {
  crypto_hash_sha256_update(stateOf(state_), reinterpret_cast<const unsigned char*>(bytes.data()),
                            bytes.size());
}

std::string Sha256::finish() {
  std::string out(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256_final(stateOf(state_), reinterpret_cast<unsigned char*>(out.data()));
  crypto_hash_sha256_init(stateOf(state_));
  return out;
}

std::string Sha256::finishHex() {
  return toHex(finish());
}

std::string sha256Hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finishHex();
}

}  // namespace ak::crypto
