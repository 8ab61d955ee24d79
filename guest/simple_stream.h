#pragma once

#include <memory>

#include "guest/stream.h"

namespace ak::guest {

// A stream that is answered at once and takes no data: what the host sends on it is ignored.
class AnsweredStream : public Stream {
 public:
  void onData(std::uint8_t, std::string_view) override {}

  void onEnd(std::uint8_t) override {}

  void onControl(std::string_view) override {}
};

inline Result<std::unique_ptr<Stream>> answer(StreamPort& port, std::string_view payload) {
  port.reply(payload);
  port.close();
  return std::make_unique<AnsweredStream>();
}

}  // namespace ak::guest
