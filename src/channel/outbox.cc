#include "channel/outbox.h"

#include <sys/socket.h>

#include <cerrno>

namespace ak::channel {

Result<bool> Outbox::flush(int socket) {
  for (;;) {
    if (sent_ == current_.size()) {
      current_.clear();
      sent_ = 0;
      current_.swap(control_);
      if (current_.empty()) {
        current_.swap(bulk_);
      } else {
        current_ += bulk_;
        bulk_.clear();
      }
      if (current_.empty()) {
        return true;
      }
    }
    const ssize_t sent = ::send(socket, current_.data() + sent_, current_.size() - sent_,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      sent_ += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN) {
      return false;
    } else if (errno != EINTR) {
      return fail(ErrorCode::Unavailable, "writing to the sandbox's agent: " + errnoText(errno));
    }
  }
}

}  // namespace ak::channel
