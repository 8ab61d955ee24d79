#include "client/stream.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace ak::client {

Result<Stream> Stream::adopt(sys::OwnedFd socket, std::string_view early) {
  const int flags = ::fcntl(socket.get(), F_GETFL);
  if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return failErrno("make the daemon's connection non-blocking");
  }
  Stream stream(std::move(socket));
  stream.decoder_.feed(early);
  return stream;
}

void Stream::send(model::StreamKind kind, std::string_view payload) {
  model::appendStreamFrame(out_, kind, payload);
}

Status Stream::flush() {
  while (pending() != 0) {
    const ssize_t written =
        ::send(socket_.get(), out_.data() + sent_, pending(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      if (errno == EAGAIN) {
        return {};
      }
      if (errno != EPIPE && errno != ECONNRESET) {
        return failErrno("write to the daemon");
      }
      // It does not listen any more, but its last words may still be on their way to us.
      break;
    }
    sent_ += static_cast<std::size_t>(written);
  }
  out_.clear();
  sent_ = 0;
  return {};
}

Status Stream::fill() {
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (size > 0) {
      decoder_.feed(std::string_view(buffer, static_cast<std::size_t>(size)));
      return {};
    }
    if (size == 0 || errno == ECONNRESET) {
      ended_ = true;
      return {};
    }
    if (errno == EAGAIN) {
      return {};
    }
    if (errno != EINTR) {
      return failErrno("read from the daemon");
    }
  }
}

}  // namespace ak::client
