#pragma once

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <map>
#include <string>
#include <string_view>

#include "base/text.h"
#include "sys/unix_socket.h"

namespace ak::net::testing {

struct RawResponse {
  int status = 0;  // 0: the connection ended before a whole response
  std::map<std::string, std::string> headers;
  std::string body;  // chunks joined
};

// A blocking client that sends exactly the bytes it is told to. Gives up after ten seconds of
// silence, so that a hanging server fails a test and does not hang it.
class RawClient {
 public:
  explicit RawClient(const std::string& path) {
    if (auto socket = sys::connectUnix(path, sys::SocketKind::Stream)) {
      socket_ = std::move(*socket);
      const timeval limit{10, 0};
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
  }

  int fd() const { return socket_.get(); }

  void close() { socket_.reset(); }

  void endSending() { ::shutdown(socket_.get(), SHUT_WR); }

  // False when the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // Reads more; false at the end.
  bool fill() {
    char buffer[16384];
    const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (n > 0) {
      in_.append(buffer, static_cast<std::size_t>(n));
    }
    timed_out_ = timed_out_ || (n < 0 && errno == EAGAIN);
    return n > 0;
  }

  bool timedOut() const { return timed_out_; }

  std::string& buffer() { return in_; }

  bool atEnd() {
    while (in_.empty() && fill()) {
    }
    return in_.empty() && !timed_out_;
  }

  std::string readToEnd() {
    while (fill()) {
    }
    return std::exchange(in_, {});
  }

  bool readUntil(std::string_view text) {
    while (in_.find(text) == std::string::npos) {
      if (!fill()) {
        return false;
      }
    }
    return true;
  }

  // Exactly `size` bytes; shorter at the end.
  std::string take(std::size_t size) {
    while (in_.size() < size && fill()) {
    }
    std::string out = in_.substr(0, size);
    in_.erase(0, out.size());
    return out;
  }

  std::string takeLine() {
    if (!readUntil("\r\n")) {
      return {};
    }
    std::string line = take(in_.find("\r\n") + 2);
    line.resize(line.size() - 2);
    return line;
  }

  RawResponse readHead() {
    RawResponse response;
    const std::string first = takeLine();
    if (!first.starts_with("HTTP/1.1 ") || first.size() < 12) {
      return response;
    }
    response.status = parseNumber<int>(std::string_view(first).substr(9, 3)).value_or(0);
    for (std::string line = takeLine(); !line.empty(); line = takeLine()) {
      const std::size_t colon = line.find(':');
      response.headers[toLower(line.substr(0, colon))] = trim(line.substr(colon + 1));
    }
    return response;
  }

  std::string takeChunk() {
    const std::size_t size = parseNumber<std::size_t>(takeLine(), 16).value_or(0);
    std::string data = take(size);
    take(2);
    return data;
  }

  RawResponse readResponse() {
    RawResponse response = readHead();
    if (response.headers["transfer-encoding"] == "chunked") {
      for (std::string chunk = takeChunk(); !chunk.empty(); chunk = takeChunk()) {
        response.body += chunk;
      }
    } else {
      response.body =
          take(parseNumber<std::size_t>(response.headers["content-length"]).value_or(0));
    }
    return response;
  }

  RawResponse ask(std::string_view bytes) {
    send(bytes);
    return readResponse();
  }

  RawResponse get(std::string_view target) {
    return ask(cat("GET ", target, " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  }

  RawResponse call(std::string_view method, std::string_view target, std::string_view body) {
    return ask(cat(method, " ", target, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ",
                   body.size(), "\r\n\r\n", body));
  }

 private:
  sys::OwnedFd socket_;
  std::string in_;
  bool timed_out_ = false;
};

}  // namespace ak::net::testing
