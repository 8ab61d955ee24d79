#include "wire/hello.h"

#include "wire/fields.h"

namespace ak::wire {

namespace {

constexpr std::size_t kMaxFilter = 4096 * 8;  // BPF_MAXINSNS instructions of 8 bytes
constexpr std::size_t kMaxBuild = 128;
constexpr std::size_t kMaxCapabilities = 64;

std::string encodeRules(const SandboxRules& rules) {
  TlvWriter out;
  out.bytesIf(1, rules.child_filter).numberIf(2, rules.child_capabilities);
  out.number(3, rules.owner_lease_ms);
  for (const std::string& variable : rules.base_environment) {
    out.bytes(4, variable);
  }
  out.numberIf(5, rules.can_group ? 1 : 0);
  return std::move(out).take();
}

Result<SandboxRules> decodeRules(std::string_view text) {
  SandboxRules rules;
  bool fits = true;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        rules.child_filter = in.string();
        break;
      case 2:
        rules.child_capabilities = in.number();
        break;
      case 3:
        rules.owner_lease_ms = in.numberAs<std::uint32_t>();
        break;
      case 4:
        fits &= appendBounded(rules.base_environment, in.bytes(), kMaxEnvironment);
        break;
      case 5:
        rules.can_group = in.number() != 0;
        break;
      default:
        break;  // of a newer peer
    }
  }
  if (!in.ok() || !fits || rules.child_filter.size() > kMaxFilter ||
      rules.child_filter.size() % 8 != 0) {
    return malformed("sandbox rules");
  }
  for (const std::string& variable : rules.base_environment) {
    if (hasNul(variable) || variable.find('=') == 0 || !variable.contains('=')) {
      return malformed("base environment");
    }
  }
  return rules;
}

bool sizeIsZeroOr(std::string_view text, std::size_t size) {
  return text.empty() || text.size() == size;
}

}  // namespace

std::string encodePreamble(const Preamble& preamble) {
  std::string out(kMagic);
  out += preamble.nonce;
  for (unsigned i = 0; i < 8; ++i) {
    out += static_cast<char>(preamble.epoch >> (8 * i) & 0xffU);
  }
  return out;
}

Result<bool> PreambleScanner::feed(std::string_view bytes, std::size_t& consumed) {
  consumed = 0;
  while (held_.size() < kPreambleSize && consumed < bytes.size()) {
    held_ += bytes[consumed++];
    // Drops from the front until what is held may be the beginning of the magic.
    while (!kMagic.starts_with(std::string_view(held_).substr(0, kMagic.size()))) {
      held_.erase(0, 1);
      if (++skipped_ > kMaxSkip) {
        return fail(ErrorCode::Protocol, "no preamble in the first bytes of the session");
      }
    }
  }
  if (held_.size() < kPreambleSize) {
    return false;
  }
  preamble_.nonce = held_.substr(kMagic.size(), kNonceSize);
  preamble_.epoch = 0;
  for (unsigned i = 0; i < 8; ++i) {
    const auto byte = static_cast<unsigned char>(held_[kMagic.size() + kNonceSize + i]);
    preamble_.epoch |= std::uint64_t{byte} << (8 * i);
  }
  return true;
}

std::string encodeHostHello(const HostHello& hello) {
  TlvWriter out;
  out.number(1, hello.version).bytesIf(2, hello.build);
  out.bytesIf(3, hello.key).bytesIf(4, hello.proof);
  if (hello.has_rules) {
    out.bytes(5, encodeRules(hello.rules));
  }
  return std::move(out).take();
}

Result<HostHello> decodeHostHello(std::string_view text) {
  HostHello hello;
  hello.version = 0;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        hello.version = in.numberAs<std::uint32_t>();
        break;
      case 2:
        hello.build = in.string();
        break;
      case 3:
        hello.key = in.string();
        break;
      case 4:
        hello.proof = in.string();
        break;
      case 5:
        hello.rules = AK_TRY(decodeRules(in.bytes()));
        hello.has_rules = true;
        break;
      default:
        break;
    }
  }
  if (!in.ok() || hello.version == 0 || hello.build.size() > kMaxBuild ||
      !sizeIsZeroOr(hello.key, kKeySize) || !sizeIsZeroOr(hello.proof, kKeySize)) {
    return malformed("host hello");
  }
  return hello;
}

std::string encodeGuestHello(const GuestHello& hello) {
  TlvWriter out;
  out.number(1, hello.version).bytesIf(2, hello.build);
  out.bytesIf(3, hello.proof).bytesIf(4, hello.boot_id);
  for (const std::string& capability : hello.capabilities) {
    out.bytes(5, capability);
  }
  return std::move(out).take();
}

Result<GuestHello> decodeGuestHello(std::string_view text) {
  GuestHello hello;
  hello.version = 0;
  bool fits = true;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        hello.version = in.numberAs<std::uint32_t>();
        break;
      case 2:
        hello.build = in.string();
        break;
      case 3:
        hello.proof = in.string();
        break;
      case 4:
        hello.boot_id = in.string();
        break;
      case 5:
        fits &= in.bytes().size() <= kMaxBuild &&
                appendBounded(hello.capabilities, in.bytes(), kMaxCapabilities);
        break;
      default:
        break;
    }
  }
  if (!in.ok() || !fits || hello.version == 0 || hello.build.size() > kMaxBuild ||
      hello.boot_id.size() > kMaxBuild || !sizeIsZeroOr(hello.proof, kKeySize)) {
    return malformed("guest hello");
  }
  return hello;
}

}  // namespace ak::wire
