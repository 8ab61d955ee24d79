#pragma once

#include <optional>
#include <string>

#include "net/async_fd.h"
#include "net/http_handler.h"
#include "net/http_head.h"
#include "net/http_server.h"
#include "net/socket_writer.h"
#include "net/task_group.h"

namespace ak::net {

// One client: reads requests one after another (what it sends ahead waits in the buffer), has each
// answered before the next is looked at, and closes on the first thing that is not clean HTTP/1.1.
class HttpConnection final : public HttpExchange {
 public:
  HttpConnection(Executor executor,
                 sys::OwnedFd socket,
                 SocketFamily family,
                 HttpHandler& handler,
                 const HttpOptions& options);

  // Until the connection is over. The socket is closed when this object is destroyed.
  Task<void> run();
  // Ends what run() left behind, also when run() was cancelled; then the object may be destroyed.
  Task<void> close();

  bool idle() const { return phase_ == Phase::Idle; }

  SteadyTime idleSince() const { return phase_since_; }

  // Ends an idle connection now and any other after its current request.
  void retire();
  // Called at every tick: ends the connection when its deadline has passed.
  void checkDeadline(SteadyTime now);

  HttpRequest& request() override { return head_.request; }

  int status() const override { return status_; }

  Task<Status> respond(HttpResponse response) override;
  void beginStream(std::string_view content_type) override;
  void upgrade(std::string_view protocol) override;
  Task<Status> write(std::string_view data, Flush flush) override;
  Task<Status> finish() override;
  Task<std::string> read() override;
  Task<void> gone() override;

 private:
  enum class Phase : std::uint8_t { Idle, Head, Body, Handler, Closing };
  enum class Mode : std::uint8_t { Waiting, Responded, Chunked, Finished, Upgraded };
  enum class Next : std::uint8_t { Request, Close };

  void enter(Phase phase);
  // Reads more into in_; false at the end of the client's side or a broken socket.
  Task<bool> fill();
  Task<Next> serveOne();
  Task<std::size_t> readHead();
  // 0 when the body is there, else the status to refuse with.
  Task<int> readBody(std::size_t limit);
  Task<int> readChunkedBody(std::size_t limit);
  Task<void> serveAdmitted(const Admission& admission);
  Task<Next> refuse(int status, std::string_view message);
  void queueHead(int status);
  void queueResponse(const HttpResponse& response);
  Task<void> linger();

  AsyncFd socket_;
  HttpHandler& handler_;
  const HttpOptions& options_;
  std::optional<HttpPeer> peer_;
  TaskGroup group_;
  SocketWriter writer_;

  std::string in_;  // received and not yet consumed
  HttpHead head_;
  Phase phase_ = Phase::Idle;
  Mode mode_ = Mode::Waiting;
  int status_ = 0;
  SteadyTime phase_since_;
  std::uint64_t body_received_ = 0;
  std::uint64_t sent_at_last_tick_ = 0;
  SteadyTime last_progress_;
  bool ended_ = false;    // the client's side has ended
  bool expired_ = false;  // a deadline passed
  bool keep_alive_ = true;
};

}  // namespace ak::net
