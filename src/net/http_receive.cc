// What a connection reads: heads, bodies, a stream's input, and the client's leaving.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "net/http_chunked.h"
#include "net/http_connection.h"
#include "net/loop.h"

namespace ak::net {

namespace {

constexpr std::size_t kReadSize = 16 * 1024;
// What a client may send ahead of the response that it waits for.
constexpr std::size_t kMaxAhead = 64 * 1024;

}  // namespace

Task<bool> HttpConnection::fill() {
  while (!ended_) {
    const std::size_t old = in_.size();
    in_.resize(old + kReadSize);
    const ssize_t n = ::recv(socket_.get(), in_.data() + old, kReadSize, MSG_DONTWAIT);
    const int error = errno;
    in_.resize(old + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n > 0) {
      co_return true;
    }
    if (n == 0 || (error != EAGAIN && error != EINTR)) {
      ended_ = true;
    } else if (error == EAGAIN) {
      co_await socket_.readable();
    }
  }
  co_return false;
}

Task<std::size_t> HttpConnection::readHead() {
  while (true) {
    // Empty lines before a request are skipped (RFC 9112 2.2).
    while (in_.starts_with("\r\n")) {
      in_.erase(0, 2);
    }
    if (!in_.empty() && phase_ == Phase::Idle) {
      enter(Phase::Head);
    }
    if (const std::size_t end = findHeadEnd(std::string_view(in_).substr(0, kMaxHead))) {
      co_return end;
    }
    if (in_.size() >= kMaxHead || !co_await fill()) {
      co_return 0;
    }
  }
}

Task<int> HttpConnection::readBody(std::size_t limit) {
  HttpRequest& request = head_.request;
  if (head_.framing == BodyFraming::None) {
    co_return 0;
  }
  if (head_.framing == BodyFraming::Length && head_.content_length > limit) {
    co_return 413;
  }
  if (head_.expects_continue && in_.empty()) {
    writer_.queue("HTTP/1.1 100 Continue\r\n\r\n");
    writer_.send();
  }
  enter(Phase::Body);
  if (head_.framing == BodyFraming::Chunked) {
    co_return co_await readChunkedBody(limit);
  }
  // Grown as bytes come, not as the client announces.
  while (in_.size() < head_.content_length) {
    if (!co_await fill()) {
      co_return expired_ ? 408 : 400;
    }
    body_received_ = in_.size();
  }
  if (in_.size() == head_.content_length) {
    request.body = std::move(in_);
    in_.clear();
  } else {
    request.body = in_.substr(0, head_.content_length);
    in_.erase(0, head_.content_length);
  }
  co_return 0;
}

Task<int> HttpConnection::readChunkedBody(std::size_t limit) {
  ChunkedDecoder decoder(limit);
  while (true) {
    std::string_view rest = in_;
    const ChunkedDecoder::State state = decoder.feed(rest);
    in_.erase(0, in_.size() - rest.size());
    body_received_ = decoder.size();
    switch (state) {
      case ChunkedDecoder::State::Done:
        head_.request.body = decoder.takeBody();
        co_return 0;
      case ChunkedDecoder::State::TooLarge:
        co_return 413;
      case ChunkedDecoder::State::Malformed:
        co_return 400;
      case ChunkedDecoder::State::NeedMore:
        break;
    }
    if (!co_await fill()) {
      co_return expired_ ? 408 : 400;
    }
  }
}

Task<void> HttpConnection::gone() {
  while (!ended_) {
    if (in_.size() < kMaxAhead) {
      co_await fill();
      continue;
    }
    // The buffer is full of requests sent ahead: only the kernel's word is left.
    pollfd state{socket_.get(), POLLRDHUP, 0};
    if (::poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
      ended_ = true;
    } else {
      co_await sleepFor(std::chrono::seconds(1));
    }
  }
}

Task<std::string> HttpConnection::read() {
  if (in_.empty()) {
    co_await fill();
  }
  co_return std::exchange(in_, {});
}

}  // namespace ak::net
