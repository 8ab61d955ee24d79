#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_message.h"
#include "net/task.h"

namespace ak::net {

// How soon queued bytes must leave.
enum class Flush : std::uint8_t {
  Soon,   // when the loop has gone round: pieces that follow at once share a write
  Later,  // within 3 ms: worth waiting for what the next milliseconds bring
};

// The handler's side of one request. Exactly one of respond, beginStream, upgrade is called first.
// All calls on the loop. Errors are Cancelled: the client is gone, and nothing else can be done.
// respond, beginStream, upgrade and write queue their bytes at once, before the Task they return is
// awaited: a handler that is being cancelled can still leave a last word.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  virtual HttpRequest& request() = 0;
  virtual int status() const = 0;  // of the response that has begun; 0: none yet

  virtual Task<Status> respond(HttpResponse response) = 0;

  // A response of unknown length (chunked), written piece by piece. Waits while more than 64 KiB
  // are queued, so a slow client slows its producer down and costs bounded memory.
  virtual void beginStream(std::string_view content_type) = 0;
  // Answers 101 and leaves HTTP: from here read() and write() move raw bytes. The 101 leaves with
  // the first bytes written, or after 3 ms.
  virtual void upgrade(std::string_view protocol) = 0;
  virtual Task<Status> write(std::string_view data, Flush flush) = 0;
  // Everything queued has reached the kernel; after beginStream also the last chunk.
  virtual Task<Status> finish() = 0;

  // The next bytes of an upgraded connection, beginning with what came behind the request's head;
  // empty: the client has ended its side.
  virtual Task<std::string> read() = 0;
  // Until the client has left. Not beside read(). A client that shuts down its sending side while
  // it waits counts as gone, as with most servers.
  virtual Task<void> gone() = 0;
};

// What happens to a handler whose client leaves while it runs.
enum class OnDisconnect : std::uint8_t {
  Finish,  // it runs to its end: what changes state is not left half done
  Cancel,  // it is cancelled: nobody waits for the answer
};

// The verdict on a request whose head is known and whose body has not been read.
struct Admission {
  std::optional<HttpResponse> refusal;
  std::size_t body_limit = 0;
  OnDisconnect on_disconnect = OnDisconnect::Finish;
  std::function<Task<void>(HttpExchange&)> serve;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual Admission admit(const HttpRequest& request) = 0;
  // The body for what the server itself refuses (malformed, too large, too slow).
  virtual HttpResponse refusal(int status, std::string_view message) = 0;
};

}  // namespace ak::net
