#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crypto/mac.h"
#include "guest/identity.h"
#include "sys/owned_fd.h"
#include "sys/random.h"
#include "sys/unix_socket.h"
#include "wire/control.h"
#include "wire/error.h"
#include "wire/exec.h"
#include "wire/file.h"
#include "wire/frame.h"
#include "wire/hello.h"
#include "wire/stats.h"

// A host in a few lines: one thread, blocking, every wait with a deadline. For tests only.
namespace ak::guest::test {

inline constexpr std::chrono::seconds kPatience{20};

inline std::string randomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  sys::KernelRandom().fill({reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()});
  return bytes;
}

struct ExecOutcome {
  std::string out;
  std::string err;
  std::optional<wire::ExecExit> exit;
  std::optional<Error> reset;
};

class TestClient {
 public:
  explicit TestClient(sys::OwnedFd socket) : socket_(std::move(socket)) {}

  void sendRaw(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) {
        return;  // the agent closed: what follows will show it
      }
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
  }

  void send(wire::FrameType type,
            std::uint32_t stream,
            std::uint8_t channel,
            std::string_view payload) {
    std::string bytes;
    wire::encodeFrame(bytes, type, stream, channel, payload);
    sendRaw(bytes);
  }

  void sendPreamble(std::uint64_t epoch) {
    nonces_.host = {randomBytes(wire::kNonceSize), epoch};
    sendRaw(wire::encodePreamble(nonces_.host));
  }

  // First session: everything in one write.
  bool first(const std::string& key, const wire::SandboxRules& rules, std::uint64_t epoch = 1) {
    wire::HostHello hello;
    hello.key = key;
    hello.has_rules = true;
    hello.rules = rules;
    nonces_.host = {randomBytes(wire::kNonceSize), epoch};
    std::string bytes = wire::encodePreamble(nonces_.host);
    wire::encodeFrame(bytes, wire::FrameType::Hello, 0, 0, wire::encodeHostHello(hello));
    sendRaw(bytes);
    return receivePreamble() && receiveHello(key);
  }

  // A later one: proves the key after the agent's preamble.
  bool resume(const std::string& key, std::uint64_t epoch) {
    sendPreamble(epoch);
    if (!receivePreamble()) {
      return false;
    }
    wire::HostHello hello;
    hello.proof = sessionProof(key, "ak-host", nonces_);
    send(wire::FrameType::Hello, 0, 0, wire::encodeHostHello(hello));
    return receiveHello(key);
  }

  bool receivePreamble() {
    wire::PreambleScanner scanner;
    std::string bytes;
    while (readSome(bytes)) {
      std::size_t consumed = 0;
      const auto done = scanner.feed(bytes, consumed);
      if (!done) {
        return false;
      }
      if (*done) {
        nonces_.guest = scanner.preamble().nonce;
        decoder_.feed(std::string_view(bytes).substr(consumed));
        return true;
      }
    }
    return false;
  }

  bool receiveHello(const std::string& key) {
    const auto frame = next();
    if (!frame || frame->type != wire::FrameType::Hello) {
      if (frame && frame->type == wire::FrameType::Goodbye) {
        goodbye = wire::decodeError(frame->payload);
      }
      return false;
    }
    const auto hello = wire::decodeGuestHello(frame->payload);
    if (!hello || hello->proof != sessionProof(key, "ak-guest", nonces_)) {
      return false;
    }
    guest = *hello;
    return true;
  }

  // The next frame; nullopt when the session is over (goodbye then tells why) or patience ends.
  std::optional<wire::Frame> next() {
    wire::Frame frame;
    for (;;) {
      const auto state = decoder_.next(frame);
      if (state == wire::FrameDecoder::State::Ready) {
        return frame;
      }
      std::string bytes;
      if (state == wire::FrameDecoder::State::Broken || !readSome(bytes)) {
        return std::nullopt;
      }
      decoder_.feed(bytes);
    }
  }

  // The next frame that is not Credit; credit is counted.
  std::optional<wire::Frame> nextNews() {
    for (;;) {
      auto frame = next();
      if (!frame || frame->type != wire::FrameType::Credit) {
        return frame;
      }
      stdin_credit[frame->stream] += wire::decodeCredit(*frame);
    }
  }

  std::uint32_t open(wire::Service service, std::string_view request) {
    const std::uint32_t stream = next_stream_;
    next_stream_ += 2;
    stdin_credit[stream] = wire::kInitialCredit;
    send(wire::FrameType::Open, stream, static_cast<std::uint8_t>(service), request);
    return stream;
  }

  std::uint32_t openExec(const wire::ExecRequest& request) {
    return open(wire::Service::Exec, wire::encode(request));
  }

  void grant(std::uint32_t stream, std::uint8_t channel, std::uint32_t bytes) {
    std::string out;
    wire::encodeCredit(out, stream, channel, bytes);
    sendRaw(out);
  }

  // Collects one exec to its Close, giving credit for all that comes. Frames of others are dropped.
  ExecOutcome collect(std::uint32_t stream, bool started = false) {
    ExecOutcome outcome;
    while (auto frame = nextNews()) {
      if (frame->stream != stream) {
        continue;
      }
      switch (frame->type) {
        case wire::FrameType::Reply:
          if (!started) {
            started = true;
            pid = wire::decodeExecStarted(frame->payload)->pid;
          } else {
            outcome.exit = *wire::decodeExecExit(frame->payload);
          }
          break;
        case wire::FrameType::Data:
          (frame->channel == wire::kStdout ? outcome.out : outcome.err) += frame->payload;
          grant(stream, frame->channel, static_cast<std::uint32_t>(frame->payload.size()));
          break;
        case wire::FrameType::Close:
          send(wire::FrameType::Close, stream, 0, {});
          return outcome;
        case wire::FrameType::Reset:
          outcome.reset = wire::decodeError(frame->payload);
          return outcome;
        default:
          break;
      }
    }
    return outcome;
  }

  ExecOutcome exec(const wire::ExecRequest& request) { return collect(openExec(request)); }

  ExecOutcome shell(const std::string& script) {
    wire::ExecRequest request;
    request.argv = {"/bin/sh", "-c", script};
    return exec(request);
  }

  // One file request to its Close; data is what came on stdout.
  struct FileOutcome {
    std::optional<wire::FileInfo> info;
    std::string data;
    std::optional<Error> reset;
  };

  FileOutcome file(const wire::FileRequest& request, std::string_view content = {}) {
    const std::uint32_t stream = open(wire::Service::File, wire::encode(request));
    FileOutcome outcome;
    if (request.kind == wire::FileRequest::Kind::Write) {
      while (!content.empty()) {
        const std::string_view piece = content.substr(0, wire::kChunk);
        while (stdin_credit[stream] < piece.size()) {
          const auto frame = next();
          if (!frame || frame->type == wire::FrameType::Reset) {
            outcome.reset = frame ? wire::decodeError(frame->payload) : Error{};
            return outcome;
          }
          if (frame->type == wire::FrameType::Credit) {
            stdin_credit[frame->stream] += wire::decodeCredit(*frame);
          }
        }
        stdin_credit[stream] -= static_cast<std::uint32_t>(piece.size());
        send(wire::FrameType::Data, stream, wire::kStdin, piece);
        content.remove_prefix(piece.size());
      }
      send(wire::FrameType::End, stream, wire::kStdin, {});
    }
    while (auto frame = nextNews()) {
      if (frame->stream != stream) {
        continue;
      }
      if (frame->type == wire::FrameType::Reply) {
        outcome.info = *wire::decodeFileInfo(frame->payload);
      } else if (frame->type == wire::FrameType::Data) {
        outcome.data += frame->payload;
        grant(stream, frame->channel, static_cast<std::uint32_t>(frame->payload.size()));
      } else if (frame->type == wire::FrameType::Close) {
        send(wire::FrameType::Close, stream, 0, {});
        return outcome;
      } else if (frame->type == wire::FrameType::Reset) {
        outcome.reset = wire::decodeError(frame->payload);
        return outcome;
      }
    }
    return outcome;
  }

  // True when the agent ends the session in time; its reason is in goodbye.
  bool waitForEnd() {
    while (auto frame = next()) {
      if (frame->type == wire::FrameType::Goodbye) {
        goodbye = wire::decodeError(frame->payload);
      }
    }
    return closed_;
  }

  std::optional<Error> goodbye;
  wire::GuestHello guest;
  std::uint32_t pid = 0;
  std::map<std::uint32_t, std::uint64_t> stdin_credit;

 private:
  bool readSome(std::string& bytes) {
    pollfd poll{socket_.get(), POLLIN, 0};
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
    if (::poll(&poll, 1, static_cast<int>(wait.count())) != 1) {
      return false;
    }
    bytes.resize(256 * 1024);
    const ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    closed_ = size <= 0;
    return size > 0;
  }

  sys::OwnedFd socket_;
  Identity::Nonces nonces_;
  wire::FrameDecoder decoder_;
  std::uint32_t next_stream_ = 1;
  bool closed_ = false;
};

}  // namespace ak::guest::test
