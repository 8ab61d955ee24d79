#pragma once

#include <sys/socket.h>

#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "crypto/mac.h"
#include "sys/file.h"
#include "sys/unix_socket.h"
#include "wire/exec.h"
#include "wire/frame.h"
#include "wire/hello.h"

namespace ak::channel {

// For tests: the guest's end of a channel, played by a thread that says whatever the test wants.
class HostileGuest {
 public:
  using Script = std::function<void(HostileGuest&)>;

  explicit HostileGuest(Script script, sys::SocketKind kind = sys::SocketKind::Stream) {
    auto pair = sys::socketPair(kind);
    host_ = std::move(pair->first);
    guest_ = std::move(pair->second);
    thread_ = std::thread([this, script = std::move(script)] {
      script(*this);
      ::shutdown(guest_.get(), SHUT_RDWR);
    });
  }

  ~HostileGuest() {
    ::shutdown(guest_.get(), SHUT_RDWR);  // wakes a script that still reads
    thread_.join();
  }

  HostileGuest(const HostileGuest&) = delete;
  HostileGuest& operator=(const HostileGuest&) = delete;

  sys::OwnedFd takeHostEnd() { return std::move(host_); }

  // One read; empty at the end.
  std::string read() {
    std::string buffer(1 << 20, '\0');
    const ssize_t size = ::recv(guest_.get(), buffer.data(), buffer.size(), 0);
    buffer.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return buffer;
  }

  // False when the host has hung up.
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::send(guest_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }

  bool frame(wire::FrameType type,
             std::uint32_t stream,
             std::uint8_t channel,
             std::string_view payload) {
    std::string out;
    wire::encodeFrame(out, type, stream, channel, payload);
    return write(out);
  }

  // The next frame of the host; type 0 at the end.
  wire::Frame next() {
    wire::Frame frame;
    for (;;) {
      if (decoder_.next(frame) == wire::FrameDecoder::State::Ready) {
        return frame;
      }
      const std::string bytes = read();
      if (bytes.empty()) {
        return {};
      }
      decoder_.feed(bytes);
    }
  }

  wire::Frame nextOf(wire::FrameType type) {
    for (;;) {
      wire::Frame frame = next();
      if (frame.type == type || frame.type == wire::FrameType{}) {
        return frame;
      }
    }
  }

  // Behaves until the session is open.
  void shakeHands(std::string_view proof = {}) {
    wire::PreambleScanner scanner;
    for (bool complete = false; !complete;) {
      const std::string bytes = read();
      std::size_t consumed = 0;
      complete = scanner.feed(bytes, consumed).value_or(true);
      decoder_.feed(std::string_view(bytes).substr(consumed));
    }
    wire::Preamble ours{std::string(wire::kNonceSize, 'g'), scanner.preamble().epoch};
    host_preamble = scanner.preamble();
    write(wire::encodePreamble(ours));
    nextOf(wire::FrameType::Hello);
    wire::GuestHello hello;
    hello.build = "hostile";
    hello.proof = proof;
    frame(wire::FrameType::Hello, 0, 0, wire::encodeGuestHello(hello));
  }

  wire::Preamble host_preamble;

 private:
  sys::OwnedFd host_;
  sys::OwnedFd guest_;
  wire::FrameDecoder decoder_;
  std::thread thread_;
};

}  // namespace ak::channel
