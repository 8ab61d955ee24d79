#include "model/stream_frame.h"

#include <gtest/gtest.h>

namespace ak::model {
namespace {

TEST(StreamFrameTest, FramesSurviveAnySplitOfTheStream) {
  std::string bytes;
  appendStreamFrame(bytes, StreamKind::Stdin, std::string("a\0b", 3));
  appendStreamFrame(bytes, StreamKind::StdinEnd, "");
  appendStreamFrame(bytes, StreamKind::Exit, "{}");
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    StreamDecoder decoder;
    std::vector<StreamFrame> frames;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      decoder.feed(std::string_view(bytes).substr(at, step));
      StreamFrame frame;
      for (;;) {
        const auto ready = decoder.next(frame);
        ASSERT_TRUE(ready);
        if (!*ready) {
          break;
        }
        frames.push_back(frame);
      }
    }
    const std::vector<StreamFrame> expected = {{StreamKind::Stdin, std::string("a\0b", 3)},
                                               {StreamKind::StdinEnd, ""},
                                               {StreamKind::Exit, "{}"}};
    EXPECT_EQ(frames, expected) << "step " << step;
  }
}

TEST(StreamFrameTest, LongDataIsCutIntoFramesWithinTheLimit) {
  const std::string data(kStreamMaxPayload * 2 + 5, 'x');
  std::string bytes;
  appendStreamFrame(bytes, StreamKind::Stdout, data);
  StreamDecoder decoder;
  decoder.feed(bytes);
  std::string joined;
  StreamFrame frame;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(*decoder.next(frame), true);
    EXPECT_LE(frame.payload.size(), kStreamMaxPayload);
    joined += frame.payload;
  }
  EXPECT_EQ(joined, data);
  EXPECT_EQ(*decoder.next(frame), false);
}

TEST(StreamFrameTest, ABrokenStreamStaysBroken) {
  const std::vector<std::string> broken = {
      std::string("\x05\0\0\0\0\0\0\0", 8),  // unknown kind
      std::string("\x10\1\0\0\0\0\0\0", 8),  // reserved byte
      std::string("\x10\0\0\0\1\0\1\0", 8),  // 65537 bytes
      std::string("\x10\0\0\0\xff\xff\xff\xff", 8),
  };
  for (const std::string& bytes : broken) {
    StreamDecoder decoder;
    decoder.feed(bytes);
    StreamFrame frame;
    EXPECT_FALSE(decoder.next(frame));
    std::string good;
    appendStreamFrame(good, StreamKind::Stdout, "x");
    decoder.feed(good);
    const auto again = decoder.next(frame);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::Protocol);
  }
}

}  // namespace
}  // namespace ak::model
