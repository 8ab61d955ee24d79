#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/http_handler.h"
#include "net/task.h"
#include "net/task_group.h"
#include "sys/owned_fd.h"

namespace ak::net {

struct HttpOptions {
  // Whole header lines, CRLF included, that every response carries.
  std::string common_headers;
  std::size_t connections = 1024;
  std::chrono::milliseconds head_timeout{10'000};  // from the first byte to the end of the head
  // A body may take this long plus one second for every 16 KiB of it.
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds write_stall{60'000};    // a plain response that nobody reads
  std::chrono::milliseconds idle_timeout{600'000};  // between requests
  std::chrono::milliseconds tick{250};              // deadlines are looked at this often
};

enum class SocketFamily : std::uint8_t { Unix, Tcp };

class HttpConnection;

// An HTTP/1.1 server on listening sockets that others made. One coroutine per connection and one
// coarse tick for all deadlines. A client that is slow, silent or hostile holds its own connection
// and nothing else; at the connection limit the longest idle one makes room, and when all are busy
// the new one is answered 503.
class HttpServer {
 public:
  // `handler` outlives the server.
  HttpServer(Executor executor, HttpHandler& handler, HttpOptions options);
  ~HttpServer();

  // Takes connections from a listening, non-blocking stream socket. May be called for several.
  void listen(sys::OwnedFd listener, SocketFamily family);
  // Serves one connected socket.
  void serve(sys::OwnedFd socket, SocketFamily family);

  std::size_t connections() const { return connections_.size(); }

  // Closes the listeners and idle connections, lets running requests end within `grace`, then
  // cancels them. The server may be destroyed afterwards.
  Task<void> shutdown(std::chrono::milliseconds grace);

 private:
  Task<void> acceptLoop(sys::OwnedFd listener, SocketFamily family);
  Task<void> runConnection(std::shared_ptr<HttpConnection> connection);
  Task<void> tick();
  bool makeRoom();

  Executor executor_;
  HttpHandler& handler_;
  HttpOptions options_;
  bool ticking_ = false;
  // Shared with the coroutines that work on them.
  std::list<std::shared_ptr<HttpConnection>> connections_;
  TaskGroup acceptors_;
  TaskGroup tasks_;
};

}  // namespace ak::net
