#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/text.h"
#include "model/stream_frame.h"
#include "sys/file.h"
#include "sys/unix_socket.h"

// For tests: a server on a unix socket that says exactly what the test tells it to, in pieces as
// small as the test likes, and leaves when the test wants.
namespace ak::client::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = "/tmp/ak-client-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
    path_ = name;
  }

  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// One accepted connection, after its request was read.
class Peer {
 public:
  Peer(int fd, std::string request) : fd_(fd), request_(std::move(request)) {}

  const std::string& request() const { return request_; }

  int fd() const { return fd_; }

  // False when the client has left.
  bool say(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }

  void sayByteByByte(std::string_view bytes) const {
    for (const char& byte : bytes) {
      say(std::string_view(&byte, 1));
    }
  }

  bool frame(model::StreamKind kind, std::string_view payload) const {
    std::string bytes;
    model::appendStreamFrame(bytes, kind, payload);
    return say(bytes);
  }

  bool switchProtocols() const {
    return say(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: agentkernel\r\n\r\n");
  }

  bool answer(std::string_view json) const {
    return say(cat("HTTP/1.1 200 OK\r\nContent-Length: ", json.size(), "\r\n\r\n", json));
  }

  // The client's next frame; false when it has left.
  bool next(model::StreamFrame& frame) {
    for (;;) {
      const auto ready = decoder_.next(frame);
      if (!ready) {
        return false;
      }
      if (*ready) {
        return true;
      }
      char buffer[4096];
      const ssize_t size = ::recv(fd_, buffer, sizeof buffer, 0);
      if (size <= 0) {
        return false;
      }
      decoder_.feed(std::string_view(buffer, static_cast<std::size_t>(size)));
    }
  }

 private:
  int fd_;
  std::string request_;
  model::StreamDecoder decoder_;
};

class ScriptedServer {
 public:
  using Script = std::function<void(Peer& peer)>;

  ScriptedServer(const std::string& path, Script script) : script_(std::move(script)) {
    auto listener = sys::listenUnix(path, sys::SocketKind::Stream);
    if (!listener) {
      throw std::runtime_error(listener.error().message);
    }
    listener_ = *std::move(listener);
    if (::pipe2(stop_, O_CLOEXEC) != 0) {
      throw std::runtime_error("pipe2");
    }
    thread_ = std::thread([this] { serve(); });
  }

  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  ~ScriptedServer() {
    ::close(stop_[1]);
    thread_.join();
    ::close(stop_[0]);
  }

  int connections() const { return connections_; }

 private:
  void serve() {
    for (;;) {
      pollfd slots[2] = {{listener_.get(), POLLIN, 0}, {stop_[0], POLLIN, 0}};
      ::poll(slots, 2, -1);
      if (slots[1].revents != 0) {
        return;
      }
      const sys::OwnedFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket.valid()) {
        continue;
      }
      ++connections_;
      Peer peer(socket.get(), readRequest(socket.get()));
      script_(peer);
    }
  }

  static std::string readRequest(int fd) {
    std::string text;
    std::size_t wanted = std::string::npos;
    while (text.size() < wanted) {
      char buffer[4096];
      const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
      if (size <= 0) {
        break;
      }
      text.append(buffer, static_cast<std::size_t>(size));
      const std::size_t end = text.find("\r\n\r\n");
      if (end == std::string::npos) {
        continue;
      }
      const std::size_t at = text.find("Content-Length: ");
      wanted = end + 4 + (at < end ? std::stoul(text.substr(at + 16)) : 0);
    }
    return text;
  }

  Script script_;
  sys::OwnedFd listener_;
  int stop_[2] = {-1, -1};
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

}  // namespace ak::client::testing
