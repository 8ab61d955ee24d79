#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "guest/exec_stream.h"
#include "guest/identity.h"
#include "guest/job_table.h"
#include "guest/session.h"

namespace ak::guest {

// All of the agent: accepts sessions, admits the newest, serves its streams, keeps the owner lease,
// and pursues what must end. One thread; run() returns when the agent's work is over.
class Agent final : public EventHandler,
                    public SessionOwner,
                    public StreamFactory,
                    public ExecutionKeeper {
 public:
  struct Descriptors {
    sys::OwnedFd listener;
    sys::OwnedFd cgroup;      // may be invalid
    sys::OwnedFd kill_count;  // may be invalid
    sys::OwnedFd signals;     // Reaper::openSignals
  };

  Agent(EventLoop& loop, Processes processes, Descriptors descriptors);
  ~Agent() override;

  Status run();

  void onEvents(std::uint32_t events) override;
  Result<wire::GuestHello> admit(Session& session,
                                 wire::HostHello& hello,
                                 const Identity::Nonces& nonces) override;

  StreamFactory& services() override { return *this; }

  Result<std::unique_ptr<Stream>> open(wire::Service service,
                                       std::string_view request,
                                       StreamPort& port) override;
  void keep(std::unique_ptr<Execution> execution) override;
  void lastExecOver() override;

 private:
  void acceptAll();
  bool welcome(int socket) const;
  Execution::Context execContext();
  Result<std::unique_ptr<Stream>> control(std::string_view request, StreamPort& port);
  Result<std::unique_ptr<Stream>> stats(StreamPort& port);
  void sweep();
  void keepLease();
  void keepDeadline(std::optional<std::uint64_t> after_ms);
  void stop(std::chrono::milliseconds grace);
  void killAll();
  void finishStop();

  EventLoop& loop_;
  Processes processes_;
  sys::OwnedFd listener_;
  sys::OwnedFd cgroup_;
  sys::OwnedFd kill_count_;
  Reaper reaper_;
  Identity identity_;
  std::string boot_id_;
  std::chrono::steady_clock::time_point started_;
  // In the order of their needs: sessions hold executions, which leave to pursued_ and all_, and
  // read what jobs print.
  std::unordered_set<Execution*> all_;
  std::list<std::unique_ptr<Execution>> pursued_;
  JobTable jobs_;
  std::size_t relays_ = 0;
  std::list<std::unique_ptr<Session>> sessions_;
  Session* newest_ = nullptr;  // the authenticated one, if alive
  EventLoop::TimerId lease_ = 0;
  EventLoop::TimerId deadline_ = 0;
  bool over_ = false;  // the deadline is past
  EventLoop::TimerId grace_ = 0;
  bool stopping_ = false;  // nothing new; SIGTERM was sent
  bool killing_ = false;   // sessions have ended; SIGKILL until all is gone
  bool stopped_ = false;
};

}  // namespace ak::guest
