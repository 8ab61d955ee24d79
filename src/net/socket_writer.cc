#include "net/socket_writer.h"

#include <sys/socket.h>

#include <cerrno>

#include "net/loop.h"

namespace ak::net {

SocketWriter::Progress SocketWriter::sendSome() {
  while (offset_ < out_.size()) {
    const ssize_t n = ::send(socket_.get(), out_.data() + offset_, out_.size() - offset_,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      offset_ += static_cast<std::size_t>(n);
      sent_ += static_cast<std::uint64_t>(n);
    } else if (errno == EAGAIN) {
      out_.erase(0, offset_);
      offset_ = 0;
      changed_.notifyAll();
      return Progress::Blocked;
    } else if (errno != EINTR) {
      broken_ = true;
      break;
    }
  }
  out_.clear();
  offset_ = 0;
  changed_.notifyAll();
  return broken_ ? Progress::Broken : Progress::Done;
}

void SocketWriter::send() {
  if (sending_ || out_.empty()) {
    return;
  }
  if (sendSome() == Progress::Blocked) {
    sending_ = true;
    group_.spawn(sendRest());
  }
}

Task<void> SocketWriter::sendRest() {
  do {
    co_await socket_.writable();
  } while (sendSome() == Progress::Blocked);
  sending_ = false;
}

void SocketWriter::sendAt(Flush flush) {
  if (out_.size() >= kEnough) {
    send();
  } else if (flush == Flush::Soon && !soon_) {
    soon_ = true;
    group_.spawn(sendAfterTurns());
  } else if (flush == Flush::Later && !lingering_) {
    lingering_ = true;
    group_.spawn(sendAfterLinger());
  }
}

Task<void> SocketWriter::sendAfterTurns() {
  // The producer's next piece, when it is already there, is queued during this turn.
  co_await yield();
  soon_ = false;
  send();
}

Task<void> SocketWriter::sendAfterLinger() {
  co_await sleepFor(std::chrono::milliseconds(3));
  lingering_ = false;
  send();
}

Task<Status> SocketWriter::waitBelow(std::size_t limit) {
  while (!broken_ && out_.size() - offset_ > limit) {
    send();
    if (broken_ || out_.size() - offset_ <= limit) {
      break;
    }
    co_await changed_.wait();
  }
  if (broken_) {
    co_return fail(ErrorCode::Cancelled, "the client is gone");
  }
  co_return Status{};
}

Task<Status> SocketWriter::room() {
  // Without a coroutine of its own when there is room, which is nearly always.
  return waitBelow(kHighWater);
}

Task<Status> SocketWriter::drained() {
  return waitBelow(0);
}

}  // namespace ak::net
