#pragma once

#include <string>
#include <string_view>

#include "model/stream_frame.h"
#include "sys/owned_fd.h"

namespace ak::client {

// The upgraded connection of an interactive run or exec (model/stream_frame.h). Never blocks: wait
// for fd() with poll(2), for POLLIN always while you can take output, for POLLOUT while pending().
// Memory: at most one unfinished frame is kept inwards; outwards whoever sends looks at pending().
class Stream {
 public:
  // `early` are bytes that came behind the 101 answer.
  static Result<Stream> adopt(sys::OwnedFd socket, std::string_view early);

  int fd() const { return socket_.get(); }

  std::size_t pending() const { return out_.size() - sent_; }

  // Queues a frame; flush() sends.
  void send(model::StreamKind kind, std::string_view payload);
  // Writes what the socket takes now. Drops what a closed daemon does not take any more: fill()
  // then reads its last frames and finds the end.
  Status flush();

  // Reads what is there now, at most one buffer full.
  Status fill();

  // False: no complete frame yet. Protocol when the daemon broke the protocol.
  Result<bool> next(model::StreamFrame& frame) { return decoder_.next(frame); }

  // The daemon has closed; frames may still be in next().
  bool ended() const { return ended_; }

 private:
  explicit Stream(sys::OwnedFd socket) : socket_(std::move(socket)) {}

  sys::OwnedFd socket_;
  model::StreamDecoder decoder_;
  std::string out_;
  std::size_t sent_ = 0;
  bool ended_ = false;
};

}  // namespace ak::client
