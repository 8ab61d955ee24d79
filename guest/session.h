#pragma once

#include <optional>
#include <string>

#include "guest/event_loop.h"
#include "guest/identity.h"
#include "guest/mux.h"
#include "sys/owned_fd.h"
#include "wire/hello.h"

namespace ak::guest {

class Session;

class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  // The hello is good: the session is the newest now, and the older one must end.
  virtual Result<wire::GuestHello> admit(Session& session,
                                         wire::HostHello& hello,
                                         const Identity::Nonces& nonces) = 0;
  virtual StreamFactory& services() = 0;
};

// One connection from the host: preamble, hello, then frames. Whatever goes wrong ends this session
// with a Goodbye and nothing else.
class Session final : public EventHandler {
 public:
  Session(EventLoop& loop, SessionOwner& owner, sys::OwnedFd socket, std::string nonce);
  ~Session() override;

  Status start();
  void onEvents(std::uint32_t events) override;
  // Reads and writes what can be; at most a few chunks, so that others get their turn.
  void pump();
  // pump() would find work at once.
  bool hungry() const;
  // Says goodbye as far as the socket takes it, and ends.
  void end(const Error& reason);

  bool live() const { return stage_ == Stage::Live; }

  bool dead() const { return stage_ == Stage::Dead; }

  bool drained() const { return out_.empty() && (!mux_ || mux_->controlSize() == 0); }

  Mux* mux() { return mux_ ? &*mux_ : nullptr; }

 private:
  enum class Stage { Preamble, Hello, Live, Dead };

  Status readSome();
  Status take(std::string_view bytes);
  Status takeFrames();
  Status greet(const wire::Frame& frame);
  Status handle(const wire::Frame& frame);
  Status flush();
  bool mayRead() const;

  EventLoop& loop_;
  SessionOwner& owner_;
  sys::OwnedFd socket_;
  Identity::Nonces nonces_;
  wire::PreambleScanner scanner_;
  wire::FrameDecoder decoder_;
  std::optional<Mux> mux_;
  std::string out_;  // in flight; sent_ bytes of it are gone
  std::size_t sent_ = 0;
  EventLoop::TimerId handshake_ = 0;
  Stage stage_ = Stage::Preamble;
  bool readable_ = false;
  bool writable_ = false;
};

}  // namespace ak::guest
