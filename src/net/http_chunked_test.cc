#include "net/http_chunked.h"

#include <gtest/gtest.h>

namespace ak::net {
namespace {

using State = ChunkedDecoder::State;

// Fed byte by byte: where the pieces end must not matter.
State feedBytes(ChunkedDecoder& decoder, std::string_view text, std::string_view& rest) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string_view one = text.substr(i, 1);
    const State state = decoder.feed(one);
    if (state != State::NeedMore) {
      rest = text.substr(i + 1);
      return state;
    }
  }
  return State::NeedMore;
}

State feedAll(std::string_view text, std::size_t limit = 1000) {
  ChunkedDecoder whole(limit);
  ChunkedDecoder bytes(limit);
  std::string_view rest = text;
  std::string_view other;
  const State state = whole.feed(rest);
  EXPECT_EQ(state, feedBytes(bytes, text, other));
  return state;
}

TEST(ChunkedDecoderTest, JoinsChunksAndLeavesTheNextRequest) {
  ChunkedDecoder decoder(1000);
  std::string_view text = "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET /";
  EXPECT_EQ(decoder.feed(text), State::Done);
  EXPECT_EQ(decoder.takeBody(), "hello world");
  EXPECT_EQ(text, "GET /");
}

TEST(ChunkedDecoderTest, RefusesWhatReadersDisagreeAbout) {
  EXPECT_EQ(feedAll("5\nhello"), State::Malformed);
  EXPECT_EQ(feedAll("5\r\nhelloX\r\n"), State::Malformed);
  EXPECT_EQ(feedAll("5\r\nhello0\r\n"), State::Malformed);
  EXPECT_EQ(feedAll("-1\r\n"), State::Malformed);
  EXPECT_EQ(feedAll("+5\r\n"), State::Malformed);
  EXPECT_EQ(feedAll("0x5\r\n"), State::Malformed);
  EXPECT_EQ(feedAll(" 5\r\n"), State::Malformed);
  EXPECT_EQ(feedAll("\r\n"), State::Malformed);
  EXPECT_EQ(feedAll("5 \r\nhello"), State::Malformed);
  EXPECT_EQ(feedAll("0000000000000005\r\n"), State::Malformed);
  EXPECT_EQ(feedAll("5\r\rhello"), State::Malformed);
}

TEST(ChunkedDecoderTest, BoundsBodyLinesAndTrailers) {
  EXPECT_EQ(feedAll("ffffffffffffff\r\n"), State::TooLarge);
  EXPECT_EQ(feedAll("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 10), State::TooLarge);
  EXPECT_EQ(feedAll("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", 10), State::Done);
  EXPECT_EQ(feedAll("5;" + std::string(300, 'x')), State::Malformed);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 100; ++i) {
    trailers += "T: " + std::string(100, 'x') + "\r\n";
  }
  EXPECT_EQ(feedAll(trailers), State::Malformed);
}

}  // namespace
}  // namespace ak::net
