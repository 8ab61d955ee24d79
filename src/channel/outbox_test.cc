#include "channel/outbox.h"

#include <gtest/gtest.h>

#include "sys/file.h"
#include "sys/unix_socket.h"

namespace ak::channel {
namespace {

using wire::FrameType;

std::vector<FrameType> typesOf(std::string_view bytes) {
  wire::FrameDecoder decoder;
  decoder.feed(bytes);
  std::vector<FrameType> types;
  wire::Frame frame;
  while (decoder.next(frame) == wire::FrameDecoder::State::Ready) {
    types.push_back(frame.type);
  }
  return types;
}

TEST(OutboxTest, ControlOvertakesDataButTheEndOfTheDataDoesNot) {
  auto pair = sys::socketPair(sys::SocketKind::Stream);
  ASSERT_TRUE(pair);
  Outbox outbox;
  outbox.bulk(1, wire::kStdin, "last words");
  outbox.end(1, wire::kStdin);
  outbox.control(FrameType::Ping, 0, 0, "12345678");
  EXPECT_FALSE(outbox.bulkFree());
  ASSERT_TRUE(outbox.flush(pair->first.get()));
  EXPECT_TRUE(outbox.bulkFree());
  pair->first.reset();
  const auto bytes = sys::readAll(pair->second.get(), 4096);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(typesOf(*bytes),
            (std::vector<FrameType>{FrameType::Ping, FrameType::Data, FrameType::End}));
}

}  // namespace
}  // namespace ak::channel
