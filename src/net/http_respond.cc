// The answering half of HttpConnection.
#include "base/text.h"
#include "net/http_connection.h"

namespace ak::net {

void HttpConnection::queueHead(int status) {
  status_ = status;
  writer_.buffer() +=
      catPieces({"HTTP/1.1 ", status, ' ', httpReason(status), "\r\n", options_.common_headers});
}

void HttpConnection::queueResponse(const HttpResponse& response) {
  std::string& out = writer_.buffer();
  queueHead(response.status);
  out += catPieces({"Content-Type: ", response.content_type,
                    "\r\nContent-Length: ", response.body.size(), "\r\n"});
  for (const HttpHeader& header : response.headers) {
    out += catPieces({header.name, ": ", header.value, "\r\n"});
  }
  out += keep_alive_ ? "\r\n" : "Connection: close\r\n\r\n";
  if (head_.request.method != "HEAD") {
    out += response.body;
  }
  mode_ = Mode::Responded;
}

Task<Status> HttpConnection::respond(HttpResponse response) {
  queueResponse(response);
  writer_.send();
  return writer_.room();
}

void HttpConnection::beginStream(std::string_view content_type) {
  std::string& out = writer_.buffer();
  queueHead(200);
  out += catPieces({"Content-Type: ", content_type,
                    "\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n",
                    keep_alive_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n"});
  mode_ = Mode::Chunked;
}

void HttpConnection::upgrade(std::string_view protocol) {
  std::string& out = writer_.buffer();
  queueHead(101);
  out += catPieces({"Connection: Upgrade\r\nUpgrade: ", protocol, "\r\n\r\n"});
  mode_ = Mode::Upgraded;
  keep_alive_ = false;
  writer_.sendAt(Flush::Later);
}

Task<Status> HttpConnection::write(std::string_view data, Flush flush) {
  if (!data.empty()) {
    if (mode_ == Mode::Chunked) {
      char size[20];
      const auto end = std::to_chars(size, size + sizeof size, data.size(), 16).ptr;
      writer_.queue(std::string_view(size, static_cast<std::size_t>(end - size)));
      writer_.queue("\r\n");
      writer_.queue(data);
      writer_.queue("\r\n");
    } else {
      writer_.queue(data);
    }
  }
  writer_.sendAt(flush);
  return writer_.room();
}

Task<Status> HttpConnection::finish() {
  if (mode_ == Mode::Chunked) {
    writer_.queue("0\r\n\r\n");
    mode_ = Mode::Finished;
  }
  writer_.send();
  return writer_.drained();
}

}  // namespace ak::net
