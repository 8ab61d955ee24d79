#include "guest/session.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "wire/error.h"

namespace ak::guest {

namespace {

constexpr std::chrono::milliseconds kHandshakeTime{10'000};
constexpr int kTurns = 8;  // chunks per pump()
constexpr std::size_t kReadSize = 64 * 1024;

// One for all sessions: there is one thread, and nothing keeps a view into it.
std::array<char, kReadSize> read_buffer;

}  // namespace

Session::Session(EventLoop& loop, SessionOwner& owner, sys::OwnedFd socket, std::string nonce)
    : loop_(loop), owner_(owner), socket_(std::move(socket)) {
  nonces_.guest = std::move(nonce);
}

Session::~Session() {
  loop_.cancel(handshake_);
  loop_.forget(socket_.get());
}

Status Session::start() {
  handshake_ = loop_.after(kHandshakeTime, [this] {
    if (!live()) {
      end(Error::make(ErrorCode::Timeout, "no hello in time"));
    }
  });
  return loop_.watch(socket_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, *this);
}

void Session::onEvents(std::uint32_t events) {
  readable_ |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  writable_ |= (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
}

bool Session::mayRead() const {
  // A host that sends requests but does not read the answers is not read from either.
  return readable_ && (!mux_ || mux_->controlSize() < Mux::kControlHigh);
}

bool Session::hungry() const {
  return !dead() && (mayRead() || (writable_ && (!drained() || (mux_ && mux_->hasTurns()))));
}

void Session::pump() {
  for (int turn = 0; turn < kTurns && hungry(); ++turn) {
    Status done = mayRead() ? readSome() : Status{};
    if (done && writable_) {
      done = flush();
    }
    if (!done) {
      end(done.error());
      return;
    }
  }
}

Status Session::readSome() {
  const ssize_t size = ::recv(socket_.get(), read_buffer.data(), read_buffer.size(), MSG_DONTWAIT);
  if (size < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      readable_ = false;
      return {};
    }
    return errno == EINTR ? Status{} : failErrno("receive");
  }
  if (size == 0) {
    return fail(ErrorCode::Cancelled, "the host closed the session");
  }
  return take({read_buffer.data(), static_cast<std::size_t>(size)});
}

Status Session::take(std::string_view bytes) {
  if (stage_ == Stage::Preamble) {
    std::size_t consumed = 0;
    if (!AK_TRY(scanner_.feed(bytes, consumed))) {
      return {};
    }
    bytes.remove_prefix(consumed);
    nonces_.host = scanner_.preamble();
    out_ += wire::encodePreamble({nonces_.guest, nonces_.host.epoch});
    stage_ = Stage::Hello;
  }
  decoder_.feed(bytes);
  return takeFrames();
}

Status Session::takeFrames() {
  wire::Frame frame;
  for (;;) {
    switch (decoder_.next(frame)) {
      case wire::FrameDecoder::State::NeedMore:
        return {};
      case wire::FrameDecoder::State::Broken:
        return fail(ErrorCode::Protocol, decoder_.error());
      case wire::FrameDecoder::State::Ready:
        AK_TRY(stage_ == Stage::Hello ? greet(frame) : handle(frame));
    }
  }
}

Status Session::greet(const wire::Frame& frame) {
  if (frame.type != wire::FrameType::Hello) {
    return fail(ErrorCode::Unauthenticated, "the session does not begin with a hello");
  }
  wire::HostHello hello = AK_TRY(wire::decodeHostHello(frame.payload));
  const wire::GuestHello answer = AK_TRY(owner_.admit(*this, hello, nonces_));
  wire::encodeFrame(out_, wire::FrameType::Hello, 0, 0, wire::encodeGuestHello(answer));
  mux_.emplace(owner_.services());
  stage_ = Stage::Live;
  return {};
}

Status Session::handle(const wire::Frame& frame) {
  switch (frame.type) {
    case wire::FrameType::Ping:
      if (frame.payload.size() != 8) {
        return fail(ErrorCode::Protocol, "a ping has 8 bytes");
      }
      wire::encodeFrame(mux_->control(), wire::FrameType::Pong, 0, 0, frame.payload);
      return {};
    case wire::FrameType::Goodbye:
      return fail(ErrorCode::Cancelled, "the host said goodbye");
    case wire::FrameType::Hello:
    case wire::FrameType::Pong:
      return fail(ErrorCode::Protocol, "a session's frame out of place");
    case wire::FrameType::Open:
    case wire::FrameType::Reply:
    case wire::FrameType::Data:
    case wire::FrameType::Credit:
    case wire::FrameType::End:
    case wire::FrameType::Control:
    case wire::FrameType::Close:
    case wire::FrameType::Reset:
      return mux_->handle(frame);
  }
  return fail(ErrorCode::Protocol, "unknown frame");
}

Status Session::flush() {
  if (out_.empty() && mux_) {
    mux_->fill(out_);
  }
  if (out_.empty()) {
    return {};
  }
  const ssize_t size =
      ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (size < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      writable_ = false;
      return {};
    }
    return errno == EINTR ? Status{} : failErrno("send");
  }
  sent_ += static_cast<std::size_t>(size);
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
  }
  return {};
}

void Session::end(const Error& reason) {
  if (dead()) {
    return;
  }
  wire::encodeFrame(out_, wire::FrameType::Goodbye, 0, 0, wire::encodeError(reason));
  // Best effort: a host that does not read learns it from the end of the connection.
  (void)::send(socket_.get(), out_.data() + sent_, out_.size() - sent_,
               MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(socket_.get(), SHUT_RDWR);
  stage_ = Stage::Dead;
}

}  // namespace ak::guest
