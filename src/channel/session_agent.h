#pragma once

#include "channel/agent.h"
#include "channel/session.h"
#include "wire/control.h"

namespace ak::channel {

// Agent over one session; ends the session when it goes.
class SessionAgent final : public Agent {
 public:
  explicit SessionAgent(std::shared_ptr<Session> session) : session_(std::move(session)) {}

  ~SessionAgent() override;
  SessionAgent(const SessionAgent&) = delete;
  SessionAgent& operator=(const SessionAgent&) = delete;

  const wire::GuestHello& hello() const override { return session_->hello(); }

  bool alive() const override { return session_->alive(); }

  void onClosed(std::function<void(const Error&)> handler) override {
    session_->onClosed(std::move(handler));
  }

  net::Task<Result<std::unique_ptr<ExecStream>>> exec(wire::ExecRequest request) override;

  net::Task<Result<std::unique_ptr<JobStream>>> startJob(std::string id,
                                                         wire::ExecRequest request) override;
  net::Task<Result<std::unique_ptr<JobStream>>> attachJob(std::string id,
                                                          wire::JobOffsets from) override;
  net::Task<Result<std::unique_ptr<JobTerminal>>> typeOnJob(std::string id) override;
  net::Task<Result<std::vector<wire::JobSummary>>> listJobs() override;
  net::Task<Status> signalJob(std::string id, int signal) override;
  net::Task<Status> killJob(std::string id, std::chrono::milliseconds grace) override;
  net::Task<Status> forgetJob(std::string id) override;

  net::Task<Result<std::unique_ptr<Relay>>> relay(wire::RelayRequest request) override;

  net::Task<Status> ping() override { return session_->ping(); }

  net::Task<Status> shutdown() override;
  net::Task<Status> deadline(std::optional<std::chrono::milliseconds> after) override;
  net::Task<Result<wire::FileInfo>> file(wire::FileRequest request) override;
  net::Task<Result<std::vector<wire::FileInfo>>> list(std::string path) override;
  net::Task<Result<std::unique_ptr<FileReader>>> openFile(wire::FileRequest request) override;
  net::Task<Result<std::unique_ptr<FileWriter>>> createFile(wire::FileRequest request) override;

 private:
  net::Task<Status> control(wire::ControlRequest request);
  net::Task<Result<std::unique_ptr<JobStream>>> attach(wire::JobRequest request);
  net::Task<Result<std::string>> askJob(wire::JobRequest request, std::chrono::milliseconds limit);

  std::shared_ptr<Session> session_;  // shared with its streams and coroutines
};

}  // namespace ak::channel
