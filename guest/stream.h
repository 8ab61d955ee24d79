#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/frame.h"

namespace ak::guest {

// What a stream may do to its session. Owned by the session; valid as long as the stream is.
class StreamPort {
 public:
  virtual ~StreamPort() = default;
  // In order with the data already produced for this stream; overtakes other streams' data.
  virtual void reply(std::string_view payload) = 0;
  virtual void end(std::uint8_t channel) = 0;
  // The service is done: Close is sent and produce() is not called any more.
  virtual void close() = 0;
  virtual void reset(const Error& error) = 0;
  // So many bytes of the host's data have been disposed of: it may send as many more.
  virtual void grantCredit(std::uint8_t channel, std::uint32_t bytes) = 0;
  // produce() should be called when there is room.
  virtual void ready() = 0;
  // Bytes that may be sent on the channel now.
  virtual std::uint32_t credit(std::uint8_t channel) const = 0;
};

// Guest side of one stream: one service's answer to one Open. It keeps no output of its own: data
// is read from pipe or file straight into the frame that the socket has room for, so that a host
// that does not read costs no memory. Destruction means that the stream is gone: whatever it
// stands for ends with it.
class Stream {
 public:
  virtual ~Stream() = default;

  // At most one chunk: reads into `buffer` (kChunk bytes) and says what it is. Called while the
  // stream is marked ready; size 0 unmarks it until the next ready().
  struct Piece {
    std::size_t size = 0;
    std::uint8_t channel = 0;
  };

  virtual Piece produce(char* /*buffer*/, std::size_t /*size*/) { return {}; }

  virtual void onData(std::uint8_t channel, std::string_view bytes) = 0;
  virtual void onEnd(std::uint8_t channel) = 0;
  virtual void onControl(std::string_view payload) = 0;

  // The host has seen our Close.
  virtual void onClosed() {}
};

// Makes the stream of an Open, or says why not.
class StreamFactory {
 public:
  virtual ~StreamFactory() = default;
  virtual Result<std::unique_ptr<Stream>> open(wire::Service service,
                                               std::string_view request,
                                               StreamPort& port) = 0;
};

}  // namespace ak::guest
