#include "channel/stream_handle.h"

#include "channel/session.h"

namespace ak::channel {

StreamHandle::~StreamHandle() {
  if (stream_ != nullptr) {
    session_->release(*stream_);
  }
}

net::Task<Result<Item>> StreamHandle::receive() {
  auto item = co_await session_->receive(*stream_);
  if (!item) {
    co_return std::unexpected(std::move(item).error());
  }
  if (!*item) {
    co_return fail(ErrorCode::Protocol, "the sandbox's agent ended a stream without an answer");
  }
  co_return **std::move(item);
}

net::Task<Result<Item>> StreamHandle::receiveWithin(std::chrono::milliseconds limit) {
  setDeadline(limit);
  auto item = co_await receive();
  stream_->deadline.reset();
  co_return item;
}

net::Task<Result<std::optional<Item>>> StreamHandle::receiveOrEnd(std::chrono::milliseconds limit) {
  setDeadline(limit);
  auto item = co_await session_->receive(*stream_);
  stream_->deadline.reset();
  co_return item;
}

net::Task<Result<std::optional<Item>>> StreamHandle::receiveUntilEnd(std::uint8_t channel) {
  return session_->receive(*stream_, channel);
}

void StreamHandle::abort(Error why) {
  session_->abort(*stream_, std::move(why));
}

void StreamHandle::setDeadline(std::chrono::milliseconds limit) {
  session_->setDeadline(*stream_, limit);
}

net::Task<Status> StreamHandle::send(std::uint8_t channel, std::string_view data) {
  return session_->send(*stream_, channel, data);
}

net::Task<Status> StreamHandle::sendWithin(std::uint8_t channel,
                                           std::string_view data,
                                           std::chrono::milliseconds limit) {
  Status sent;
  while (sent && !data.empty()) {
    const std::string_view piece = data.substr(0, wire::kInitialCredit);
    data.remove_prefix(piece.size());
    setDeadline(limit);
    sent = co_await send(channel, piece);
    stream_->deadline.reset();
  }
  co_return sent;
}

Status StreamHandle::mayWrite() const {
  if (!session_->alive()) {
    return std::unexpected(*session_->ended_);
  }
  if (stream_->over) {
    return fail(ErrorCode::Conflict, "the command has ended");
  }
  if (!session_->outbox_.controlFits()) {
    return fail(ErrorCode::Unavailable, "the sandbox's agent does not read its channel");
  }
  return {};
}

Status StreamHandle::end(std::uint8_t channel) {
  AK_TRY(mayWrite());
  session_->outbox_.end(stream_->number(), channel);
  session_->flush();
  return {};
}

Status StreamHandle::control(std::string_view payload) {
  AK_TRY(mayWrite());
  session_->outbox_.control(wire::FrameType::Control, stream_->number(), 0, payload);
  session_->flush();
  return {};
}

void StreamHandle::close() {
  if (!session_->alive() || stream_->reset || stream_->done_by_us) {
    return;  // nobody to tell, or told
  }
  stream_->done_by_us = true;
  session_->outbox_.control(wire::FrameType::Close, stream_->number(), 0, {});
  session_->flush();
}

}  // namespace ak::channel
