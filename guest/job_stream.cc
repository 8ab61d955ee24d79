#include "guest/job_stream.h"

#include <algorithm>

namespace ak::guest {

Result<std::unique_ptr<Stream>> JobStream::open(Job& job,
                                                const wire::JobOffsets& from,
                                                StreamPort& port) {
  std::unique_ptr<JobStream> stream(new JobStream(job, port));
  const wire::JobOffsets kept = AK_TRY(job.attach(*stream, from));
  stream->channels_[0].sent = kept.out;
  stream->channels_[1].sent = kept.err;
  port.reply(
      wire::encode(wire::JobAttached{static_cast<std::uint32_t>(job.pid()), kept, job.shell()}));
  port.ready();
  return stream;
}

JobStream::~JobStream() {
  if (job_ != nullptr) {
    job_->detach(*this);
  }
}

std::size_t JobStream::produceFrom(std::uint8_t channel, char* buffer, std::size_t size) {
  Channel& state = channels_[channel - 1U];
  const std::size_t room = std::min<std::size_t>(size, port_.credit(channel));
  const std::size_t got = room == 0 ? 0 : job_->copy(channel, state.sent, buffer, room);
  state.sent += got;
  if (got == 0 && !state.ended && job_->closed(channel) && state.sent == job_->end(channel)) {
    state.ended = true;
    port_.end(channel);
  }
  return got;
}

Stream::Piece JobStream::produce(char* buffer, std::size_t size) {
  if (job_ == nullptr) {
    return {};
  }
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const std::size_t which = (turn_ + i) % channels_.size();
    const auto channel = static_cast<std::uint8_t>(which + 1);
    if (const std::size_t got = produceFrom(channel, buffer, size); got != 0) {
      turn_ = (which + 1) % channels_.size();
      return {got, channel};
    }
  }
  if (job_->ended() && channels_[0].ended && channels_[1].ended) {
    port_.reply(wire::encode(job_->exit()));
    job_->detach(*this);
    job_ = nullptr;
    port_.close();
  }
  return {};
}

void JobStream::onControl(std::string_view payload) {
  const auto ack = wire::decodeJobAck(payload);
  if (!ack) {
    port_.reset(ack.error());
    return;
  }
  // No more than what was sent: what the host has not seen cannot be dropped.
  if (job_ != nullptr) {
    job_->acknowledge(
        {std::min(ack->kept.out, channels_[0].sent), std::min(ack->kept.err, channels_[1].sent)});
  }
}

void JobStream::onLost(const Error& why) {
  job_ = nullptr;
  port_.reset(why);
}

std::unique_ptr<Stream> JobEndStream::open(JobTable& table,
                                           const wire::JobRequest& request,
                                           StreamPort& port) {
  std::unique_ptr<JobEndStream> stream(new JobEndStream(table, request.id));
  table.find(request.id)
      ->terminate(std::chrono::milliseconds(request.grace_ms), stream.get(), [&port] {
        port.reply({});
        port.close();
      });
  return stream;
}

JobEndStream::~JobEndStream() {
  // The job may be gone by now, and another have its id: it does not know us.
  if (Job* job = table_.find(id_)) {
    job->stopWaiting(this);
  }
}

}  // namespace ak::guest
