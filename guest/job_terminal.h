#pragma once

#include <memory>
#include <string>

#include "guest/job.h"
#include "guest/stream.h"

namespace ak::guest {

// A host that types on a job's terminal, changes its size and signals who is in its foreground. Its
// end changes nothing for the job.
class JobTerminalStream final : public Stream, public JobTypist {
 public:
  static Result<std::unique_ptr<Stream>> open(Job& job, StreamPort& port);
  ~JobTerminalStream() override;

  void onData(std::uint8_t channel, std::string_view bytes) override;
  void onEnd(std::uint8_t channel) override;
  void onControl(std::string_view payload) override;

  void onRoom() override { write(); }

  void onTerminalGone() override;

 private:
  JobTerminalStream(Job& job, StreamPort& port) : job_(&job), port_(port) {}

  void write();

  Job* job_;  // nullptr: gone
  StreamPort& port_;
  std::string waiting_;  // at most the credit window
  bool end_key_waits_ = false;
};

}  // namespace ak::guest
