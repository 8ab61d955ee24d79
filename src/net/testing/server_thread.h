#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "net/http_server.h"
#include "net/loop.h"
#include "sys/unix_socket.h"

namespace ak::net::testing {

// A loop on a thread of its own with a server on a unix socket in a private directory; both end
// with this object.
class ServerThread {
 public:
  ServerThread(Loop& loop, HttpHandler& handler, HttpOptions options)
      : loop_(loop), server_(loop.executor(), handler, std::move(options)) {
    directory_ = "/tmp/ak-http-XXXXXX";
    if (::mkdtemp(directory_.data()) != nullptr) {
      if (auto listener = sys::listenUnix(path(), sys::SocketKind::Stream)) {
        server_.listen(std::move(*listener), SocketFamily::Unix);
      }
    }
    thread_ = std::thread([this] { loop_.run(); });
  }

  ~ServerThread() {
    stop(std::chrono::milliseconds(0));
    ::unlink(path().c_str());
    ::rmdir(directory_.c_str());
  }

  // Returns once everything has ended.
  void stop(std::chrono::milliseconds grace) {
    if (thread_.joinable()) {
      boost::asio::post(loop_.context(), [this, grace] {
        boost::asio::co_spawn(loop_.context(), server_.shutdown(grace), boost::asio::detached);
      });
      thread_.join();
    }
  }

  std::string path() const { return directory_ + "/http.sock"; }

  HttpServer& server() { return server_; }

 private:
  Loop& loop_;
  HttpServer server_;
  std::string directory_;
  std::thread thread_;
};

}  // namespace ak::net::testing
