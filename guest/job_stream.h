#pragma once

#include <array>
#include <memory>

#include "guest/job_table.h"
#include "guest/stream.h"

namespace ak::guest {

// A host that is attached to a job: passes on what the job's ring has, as credit allows. Its end
// changes nothing for the job.
class JobStream final : public Stream, public JobReader {
 public:
  static Result<std::unique_ptr<Stream>> open(Job& job,
                                              const wire::JobOffsets& from,
                                              StreamPort& port);
  ~JobStream() override;

  Piece produce(char* buffer, std::size_t size) override;

  void onData(std::uint8_t, std::string_view) override {}

  void onEnd(std::uint8_t) override {}

  void onControl(std::string_view payload) override;

  void onProgress() override { port_.ready(); }

  void onLost(const Error& why) override;

 private:
  JobStream(Job& job, StreamPort& port) : job_(&job), port_(port) {}

  std::size_t produceFrom(std::uint8_t channel, char* buffer, std::size_t size);

  struct Channel {
    std::uint64_t sent = 0;  // offset of the next byte
    bool ended = false;      // End was sent
  };

  Job* job_;  // nullptr: lost
  StreamPort& port_;
  std::array<Channel, 2> channels_;
  std::size_t turn_ = 0;  // which channel is served first
};

// A host that waits until everything that a job started is gone.
class JobEndStream final : public Stream {
 public:
  static std::unique_ptr<Stream> open(JobTable& table,
                                      const wire::JobRequest& request,
                                      StreamPort& port);
  ~JobEndStream() override;

  void onData(std::uint8_t, std::string_view) override {}

  void onEnd(std::uint8_t) override {}

  void onControl(std::string_view) override {}

 private:
  JobEndStream(JobTable& table, std::string id) : table_(table), id_(std::move(id)) {}

  JobTable& table_;
  const std::string id_;
};

}  // namespace ak::guest
