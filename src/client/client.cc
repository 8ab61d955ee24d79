#include "client/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "client/envelope.h"
#include "sys/unix_socket.h"

namespace ak::client {

namespace {

using SteadyClock = std::chrono::steady_clock;

std::unexpected<Error> gone() {
  return fail(ErrorCode::Unavailable, "the daemon closed the connection",
              "See what happened with: agentkernel daemon logs");
}

std::string head(const Request& request, std::string_view connection_headers) {
  std::string text =
      cat(request.method, " ", request.path,
          " HTTP/1.1\r\nHost: agentkernel\r\nAgentkernel-Version: " AK_VERSION "\r\n",
          connection_headers);
  if (!request.body.empty()) {
    text += "Content-Type: application/json\r\n";
  }
  if (!request.body.empty() || request.method != "GET") {
    text += cat("Content-Length: ", request.body.size(), "\r\n");
  }
  return text + "\r\n";
}

}  // namespace

std::string escapeSegment(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || std::string_view("-._~").contains(c);
    if (unreserved) {
      escaped += c;
    } else {
      escaped += '%';
      escaped += toHex(std::string_view(&c, 1));
    }
  }
  return escaped;
}

Result<Client> Client::connect(const std::string& socket_path) {
  auto socket = sys::connectUnix(socket_path, sys::SocketKind::Stream);
  if (!socket) {
    Error error = std::move(socket).error();
    if (error.sys_errno == ECONNREFUSED) {
      error.code = ErrorCode::Unavailable;
    }
    return std::unexpected(std::move(error));
  }
  return Client(*std::move(socket));
}

Status Client::sendAll(std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (written >= 0) {
      data.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return gone();
    } else if (errno != EINTR) {
      return failErrno("write to the daemon");
    }
  }
  return {};
}

namespace {

Status awaitBytes(int socket, SteadyClock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    pollfd wait{.fd = socket, .events = POLLIN, .revents = 0};
    const int ready = left <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left));
    if (ready > 0) {
      return {};
    }
    if (ready == 0) {
      return fail(ErrorCode::Timeout, "the daemon did not answer in time",
                  "See what it is doing with: agentkernel daemon logs");
    }
    if (errno != EINTR) {
      return failErrno("poll");
    }
  }
}

}  // namespace

Result<Response> Client::receive(const Request& request, std::string& rest) {
  ResponseParser parser(request.max_answer);
  const auto deadline = SteadyClock::now() + request.timeout;
  char buffer[16 * 1024];
  for (;;) {
    if (request.timeout.count() != 0) {
      AK_TRY(awaitBytes(socket_.get(), deadline));
    }
    const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0 && errno != ECONNRESET) {
      return failErrno("read from the daemon");
    }
    const std::string_view bytes(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
    if (size <= 0) {
      if (auto finished = parser.finish(); !finished) {
        return std::unexpected(std::move(finished).error());
      }
    } else if (!AK_TRY(parser.feed(bytes))) {
      continue;
    }
    rest = parser.rest();
    Response response = parser.take();
    daemon_version_ = response.header(kVersionHeader);
    return response;
  }
}

Result<Response> Client::call(const Request& request) {
  // A daemon that refuses early may close before it has read all; its answer counts then.
  const Status sent = sendAll(head(request, "") + request.body);
  std::string rest;
  auto response = receive(request, rest);
  if (!response && !sent) {
    return std::unexpected(sent.error());
  }
  if (response && !rest.empty()) {
    return fail(ErrorCode::Protocol, "the daemon sent more than one answer");
  }
  return response;
}

Result<Client::Upgraded> Client::upgrade(const Request& request) && {
  const Status sent =
      sendAll(head(request, "Connection: Upgrade\r\nUpgrade: agentkernel\r\n") + request.body);
  std::string rest;
  auto response = receive(request, rest);
  if (!response) {
    return std::unexpected(sent ? std::move(response).error() : sent.error());
  }
  if (response->status != 101) {
    return std::unexpected(errorOf(*response));
  }
  if (toLower(response->header("upgrade")) != "agentkernel") {
    return fail(ErrorCode::Protocol, "the daemon switched to an unknown protocol");
  }
  Stream stream = AK_TRY(Stream::adopt(std::move(socket_), rest));
  return Upgraded{std::move(stream), daemon_version_};
}

Result<int> Client::daemonPid() const {
  return AK_TRY(sys::peerCredentials(socket_.get())).pid;
}

}  // namespace ak::client
