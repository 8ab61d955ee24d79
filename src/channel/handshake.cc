// How a session begins; see wire/hello.h for the order and the proofs.
#include "base/text.h"
#include "channel/session.h"
#include "crypto/mac.h"
#include "sys/random.h"

namespace ak::channel {

namespace {

constexpr std::chrono::seconds kHandshakeLimit{10};
// A first session may begin before there is an agent, so that setting up its box counts too.
constexpr std::chrono::seconds kFirstHandshakeLimit{30};

std::string makeNonce() {
  std::string nonce(wire::kNonceSize, '\0');
  sys::KernelRandom().fill({reinterpret_cast<unsigned char*>(nonce.data()), nonce.size()});
  return nonce;
}

std::string littleEndian(std::uint64_t value) {
  std::string bytes(sizeof value, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(value & 0xffU);
    value >>= 8U;
  }
  return bytes;
}

}  // namespace

std::string Session::proof(std::string_view who) const {
  return crypto::mac(key_,
                     cat(who, littleEndian(ours_.epoch), ours_.nonce, scanner_.preamble().nonce));
}

Status Session::beginFirst(std::string key, wire::SandboxRules rules) {
  if (key.size() != wire::kKeySize) {
    return fail(ErrorCode::Internal, "agent key of wrong size");
  }
  ours_ = wire::Preamble{makeNonce(), 1};
  outbox_.raw(wire::encodePreamble(ours_));
  wire::HostHello hello;
  hello.build = AK_VERSION;
  hello.key = std::move(key);
  hello.has_rules = true;
  hello.rules = std::move(rules);
  std::string text = wire::encodeHostHello(hello);
  crypto::wipe(hello.key);
  if (text.size() > wire::kMaxPayload) {
    return fail(ErrorCode::TooLarge, "sandbox rules do not fit a frame");
  }
  outbox_.control(wire::FrameType::Hello, 0, 0, text);
  crypto::wipe(text);
  AK_TRY(start());
  setDeadline(handshake_, kFirstHandshakeLimit);
  return {};
}

net::Task<Status> Session::beginResumed(std::string key, std::uint64_t epoch) {
  const auto self = shared_from_this();
  if (key.size() != wire::kKeySize) {
    co_return fail(ErrorCode::Internal, "agent key of wrong size");
  }
  resumed_ = true;
  key_ = std::move(key);
  ours_ = wire::Preamble{makeNonce(), epoch};
  outbox_.raw(wire::encodePreamble(ours_));
  if (Status started = start(); !started) {
    co_return started;
  }
  setDeadline(handshake_, kHandshakeLimit);
  bool said_hello = false;
  while (phase_ != Phase::Open) {
    if (ended_ || handshake_.failure) {
      const Error why = ended_ ? *ended_ : *handshake_.failure;
      end(why);
      co_return std::unexpected(why);
    }
    if (phase_ == Phase::GuestHello && !said_hello) {
      said_hello = true;
      wire::HostHello hello;
      hello.build = AK_VERSION;
      hello.proof = proof("ak-host");
      outbox_.control(wire::FrameType::Hello, 0, 0, wire::encodeHostHello(hello));
    }
    flush();
    if (!ended_) {
      co_await handshake_.changed.wait();
    }
  }
  crypto::wipe(key_);
  co_return Status();
}

Status Session::handleHello(const wire::Frame& frame) {
  if (frame.type == wire::FrameType::Goodbye) {
    return fail(ErrorCode::Unauthenticated, "the sandbox's agent refused the session");
  }
  if (frame.type != wire::FrameType::Hello || frame.stream != 0) {
    return fail(ErrorCode::Protocol, "the sandbox's agent does not begin with Hello");
  }
  hello_ = AK_TRY(wire::decodeGuestHello(frame.payload));
  if (hello_.version < wire::kOldestProtocolVersion || hello_.version > wire::kProtocolVersion) {
    return fail(ErrorCode::Unsupported, cat("the sandbox's agent speaks protocol ", hello_.version),
                "Stop the sandbox and start it again with this version.");
  }
  // Only who holds the sandbox's key is its agent: guest processes can not stand in for it.
  if (resumed_ && !crypto::equalInConstantTime(hello_.proof, proof("ak-guest"))) {
    return fail(ErrorCode::Unauthenticated, "the sandbox's agent could not prove its key");
  }
  hello_.build = printable(hello_.build).substr(0, 64);
  hello_.boot_id = printable(hello_.boot_id).substr(0, 64);
  phase_ = Phase::Open;
  handshake_.deadline.reset();
  handshake_.changed.notifyAll();
  return {};
}

}  // namespace ak::channel
