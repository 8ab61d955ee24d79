#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "guest/stream.h"

namespace ak::guest {

// The streams of one authenticated session: flow control, fairness, order. No I/O: frames come in
// by handle(), bytes for the socket go out by fill().
//
// Bounds: one chunk of data is in flight at a time; control frames are answers to the host's own
// frames, and the session stops reading while more than kControlHigh of them wait.
class Mux {
 public:
  static constexpr std::size_t kControlHigh = 256 * 1024;

  explicit Mux(StreamFactory& factory);
  ~Mux();

  // A frame of stream != 0. An error ends the session.
  Status handle(const wire::Frame& frame);
  // Appends what is next for the socket: all control frames, then at most one chunk, streams taking
  // turns. Leaves `out` as it is when there is nothing.
  void fill(std::string& out);

  std::string& control() { return control_; }

  std::size_t controlSize() const { return control_.size(); }

  // Destroys streams that ended. Never called from within a stream.
  void sweep();

  bool hasTurns() const { return !turns_.empty(); }

  std::size_t streams() const { return ports_.size(); }

 private:
  class Port;

  Status dispatch(const wire::Frame& frame);
  Status open(const wire::Frame& frame);
  Status data(Port& port, const wire::Frame& frame);
  void refuse(std::uint32_t stream, const Error& error);
  bool produceFrom(Port& port, std::string& out);

  StreamFactory& factory_;
  std::unordered_map<std::uint32_t, std::unique_ptr<Port>> ports_;
  std::deque<Port*> turns_;         // ready streams, next first
  std::deque<std::uint32_t> gone_;  // to be destroyed by sweep()
  std::string control_;
  std::uint32_t last_opened_ = 0;
};

}  // namespace ak::guest
