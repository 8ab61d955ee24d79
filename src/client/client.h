#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "client/http_response.h"
#include "client/stream.h"
#include "sys/owned_fd.h"

// A light client of the agentkernel API: HTTP/1.1 over the daemon's unix socket, no event loop, no
// threads. One Client is one kept connection; it is used by one thread at a time.
namespace ak::client {

// Both sides name their version in this header of every request and answer.
inline constexpr std::string_view kVersionHeader = "agentkernel-version";

struct Request {
  std::string method = "GET";
  std::string path;  // with query; segments already escaped by escapeSegment
  std::string body;  // JSON; sent with its type when not empty
  std::size_t max_answer = 64 * 1024 * 1024;
  // 0: as long as it takes; the daemon's end of the connection ends the wait anyway.
  std::chrono::milliseconds timeout{0};
};

// Percent-encodes one path segment or query value (RFC 3986 unreserved characters stay).
std::string escapeSegment(std::string_view text);

class Client {
 public:
  // NotFound or Unavailable when nobody listens; see daemon_start.h for who starts the daemon.
  static Result<Client> connect(const std::string& socket_path);

  // Takes over a connected socket.
  explicit Client(sys::OwnedFd socket) : socket_(std::move(socket)) {}

  // Any status is a value. Unavailable when the daemon went away, Timeout, Protocol. After an error
  // the connection is of no more use.
  Result<Response> call(const Request& request);

  struct Upgraded {
    Stream stream;
    std::string daemon_version;
  };

  // Asks for `Upgrade: agentkernel`. An ordinary answer instead of 101 is the daemon's refusal,
  // returned as the Error that its body carries (envelope.h).
  Result<Upgraded> upgrade(const Request& request) &&;

  // The process that listens on the socket (SO_PEERCRED).
  Result<int> daemonPid() const;

  // From the last answer; empty before.
  const std::string& daemonVersion() const { return daemon_version_; }

 private:
  Status sendAll(std::string_view data);
  Result<Response> receive(const Request& request, std::string& rest);

  sys::OwnedFd socket_;
  std::string daemon_version_;
};

}  // namespace ak::client
