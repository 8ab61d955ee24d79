#include "crypto/mac.h"

#include <cstdlib>

#include <sodium.h>

namespace ak::crypto {

static_assert(kMacKeySize == crypto_auth_KEYBYTES && kMacSize == crypto_auth_BYTES);

namespace {

const unsigned char* bytesOf(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string mac(std::string_view key, std::string_view message) {
  if (key.size() != kMacKeySize) {
    std::abort();  // a bug of the caller: reading beyond a short key would be worse
  }
  std::string out(kMacSize, '\0');
  crypto_auth(reinterpret_cast<unsigned char*>(out.data()), bytesOf(message), message.size(),
              bytesOf(key));
  return out;
}

bool equalInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) {
  sodium_memzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace ak::crypto
