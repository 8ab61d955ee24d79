#include "guest/agent.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "guest/file_service.h"
#include "guest/relay.h"
#include "guest/simple_stream.h"
#include "guest/stats_service.h"
#include "sys/random.h"
#include "sys/unix_socket.h"
#include "wire/control.h"

namespace ak::guest {

namespace {

// Connections that have not proved anything yet; more are not accepted.
constexpr std::size_t kMaxSessions = 8;
// Before the first session says what the lease is.
constexpr std::chrono::milliseconds kFirstLease{30'000};
// Between SIGTERM and SIGKILL when the sandbox's time is over.
constexpr std::chrono::milliseconds kLastGrace{2'000};

std::string nonce() {
  std::string bytes(wire::kNonceSize, '\0');
  sys::KernelRandom().fill({reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()});
  return bytes;
}

}  // namespace

Agent::Agent(EventLoop& loop, Processes processes, Descriptors descriptors)
    : loop_(loop),
      processes_(std::move(processes)),
      listener_(std::move(descriptors.listener)),
      cgroup_(std::move(descriptors.cgroup)),
      kill_count_(std::move(descriptors.kill_count)),
      reaper_(loop, std::move(descriptors.signals)),
      boot_id_(sys::KernelRandom().hex(16)),
      started_(std::chrono::steady_clock::now()) {}

Agent::~Agent() {
  loop_.forget(listener_.get());
}

Status Agent::run() {
  keepLease();
  AK_TRY(reaper_.start());
  AK_TRY(loop_.watch(listener_.get(), EPOLLIN, *this));
  while (!stopped_) {
    const bool hungry =
        std::ranges::any_of(sessions_, [](const auto& session) { return session->hungry(); });
    loop_.turn(hungry ? EventLoop::Wait::Poll : EventLoop::Wait::Block);
    for (const auto& session : sessions_) {
      session->pump();
    }
    sweep();
  }
  return {};
}

void Agent::onEvents(std::uint32_t) {
  acceptAll();
}

void Agent::acceptAll() {
  for (;;) {
    sys::OwnedFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.valid()) {
      // Out of descriptors: the edge has passed, so the waiting peer must be looked for again.
      if (errno != EAGAIN) {
        loop_.after(std::chrono::milliseconds(50), [this] { acceptAll(); });
      }
      return;
    }
    if (sessions_.size() >= kMaxSessions || !welcome(socket.get())) {
      continue;
    }
    auto session = std::make_unique<Session>(loop_, *this, std::move(socket), nonce());
    if (session->start()) {
      sessions_.push_back(std::move(session));
    }
  }
}

// The listener has no path in the sandbox; should a guest process reach it all the same, it has a
// pid in our namespace, and the host's processes have none (0).
bool Agent::welcome(int socket) const {
  const auto peer = sys::peerCredentials(socket);
  return peer && (!isInit() || peer->pid == 0);
}

Result<wire::GuestHello> Agent::admit(Session& session,
                                      wire::HostHello& hello,
                                      const Identity::Nonces& nonces) {
  std::string proof = AK_TRY(identity_.admit(hello, nonces));
  if (newest_ != nullptr) {
    newest_->end(Error::make(ErrorCode::Conflict, "a newer session has taken over"));
  }
  newest_ = &session;
  wire::GuestHello answer;
  answer.build = AK_VERSION;
  answer.proof = std::move(proof);
  answer.boot_id = boot_id_;
  answer.capabilities = {"exec",  "pty",   "job",      "job-terminal", "file",
                         "relay", "stats", "shutdown", "deadline"};
  return answer;
}

Execution::Context Agent::execContext() {
  const int cgroup = identity_.rules().can_group ? cgroup_.get() : -1;
  return {loop_, reaper_, processes_, all_, cgroup, kill_count_.get()};
}

Result<std::unique_ptr<Stream>> Agent::open(wire::Service service,
                                            std::string_view request,
                                            StreamPort& port) {
  if (stopping_) {
    return fail(ErrorCode::Unavailable, "the sandbox is shutting down");
  }
  switch (service) {
    case wire::Service::Exec:
      return ExecStream::open(execContext(), identity_.rules(), request, port, *this);
    case wire::Service::File:
      return openFileStream(request, port);
    case wire::Service::Control:
      return control(request, port);
    case wire::Service::Stats:
      return stats(port);
    case wire::Service::Job:
      return jobs_.open(execContext(), identity_.rules(), request, port);
    case wire::Service::Relay:
      return openRelay({loop_, relays_, port}, request);
    case wire::Service::Egress:
      break;
  }
  return fail(ErrorCode::Unsupported, cat("this agent has no service ", static_cast<int>(service)));
}

Result<std::unique_ptr<Stream>> Agent::control(std::string_view request, StreamPort& port) {
  const wire::ControlRequest decoded = AK_TRY(wire::decodeControlRequest(request));
  switch (decoded.kind) {
    case wire::ControlRequest::Kind::Shutdown: {
      auto stream = answer(port, {});
      stop(std::chrono::milliseconds(decoded.grace_ms));
      return stream;
    }
    case wire::ControlRequest::Kind::Deadline:
      keepDeadline(decoded.deadline_ms);
      return answer(port, {});
    case wire::ControlRequest::Kind::Clock:
    case wire::ControlRequest::Kind::Reseed:
    case wire::ControlRequest::Kind::Hostname:
      break;
  }
  return fail(ErrorCode::Unsupported, "only an agent in a virtual machine can do that",
              "It was done when the sandbox was started.");
}

Result<std::unique_ptr<Stream>> Agent::stats(StreamPort& port) {
  wire::GuestStats stats = AK_TRY(gatherStats(processes_));
  stats.execs = static_cast<std::uint32_t>(std::ranges::count_if(
      all_, [](const Execution* execution) { return !execution->mainEnded(); }));
  stats.uptime_ms =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::steady_clock::now() - started_)
                                     .count());
  return answer(port, wire::encode(stats));
}

void Agent::keep(std::unique_ptr<Execution> execution) {
  if (!execution->finished()) {
    pursued_.push_back(std::move(execution));
  }
}

void Agent::lastExecOver() {
  stop(std::chrono::milliseconds(0));
}

void Agent::stop(std::chrono::milliseconds grace) {
  if (stopping_) {
    return;
  }
  stopping_ = true;
  for (Execution* execution : all_) {
    execution->signal(SIGTERM);
  }
  grace_ = loop_.after(grace, [this] { killAll(); });
}

void Agent::killAll() {
  loop_.cancel(grace_);
  for (const auto& session : sessions_) {
    session->end(Error::make(ErrorCode::Cancelled, "the sandbox has ended"));
  }
  jobs_.release([this](std::unique_ptr<Execution> execution) { keep(std::move(execution)); });
  for (Execution* execution : all_) {
    execution->kill(Execution::Reason::Killed);
  }
  killing_ = true;
}

void Agent::finishStop() {
  const bool sent =
      std::ranges::all_of(sessions_, [](const auto& session) { return session->drained(); });
  const bool ended =
      std::ranges::all_of(all_, [](const Execution* execution) { return execution->mainEnded(); });
  if (stopping_ && !killing_ && ended && sent) {
    killAll();
  }
  // The kernel ends a pid namespace with its PID 1; elsewhere we see to it ourselves.
  stopped_ = killing_ && (isInit() || all_.empty());
}

void Agent::sweep() {
  jobs_.sweep();
  for (const auto& session : sessions_) {
    if (session->mux() != nullptr) {
      session->mux()->sweep();
    }
    if (session->dead() && session.get() == newest_) {
      newest_ = nullptr;
    }
  }
  std::erase_if(sessions_, [](const auto& session) { return session->dead(); });
  std::erase_if(pursued_, [](const auto& execution) { return execution->finished(); });
  keepLease();
  if (over_ && newest_ == nullptr) {
    stop(kLastGrace);
  }
  finishStop();
}

// Without an owner for so long, everything ends: a one-shot sandbox must not outlive its daemon. A
// job is work that somebody wants to find done.
void Agent::keepLease() {
  if (newest_ != nullptr || jobs_.wanted()) {
    loop_.cancel(lease_);
    lease_ = 0;
    return;
  }
  const auto lease = identity_.hasKey()
                         ? std::chrono::milliseconds(identity_.rules().owner_lease_ms)
                         : kFirstLease;
  if (lease_ == 0 && lease.count() != 0) {
    lease_ = loop_.after(lease, [this] { stop(std::chrono::milliseconds(0)); });
  }
}

// The sandbox's time to live, should nobody be there when it is over.
void Agent::keepDeadline(std::optional<std::uint64_t> after_ms) {
  loop_.cancel(deadline_);
  deadline_ = 0;
  over_ = false;
  if (after_ms) {
    deadline_ = loop_.after(std::chrono::milliseconds(*after_ms), [this] { over_ = true; });
  }
}

}  // namespace ak::guest
