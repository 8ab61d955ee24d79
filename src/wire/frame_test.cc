#include "wire/frame.h"

#include <gtest/gtest.h>

namespace ak::wire {
namespace {

std::string encoded(FrameType type,
                    std::uint32_t stream,
                    std::uint8_t channel,
                    std::string_view payload) {
  std::string out;
  encodeFrame(out, type, stream, channel, payload);
  return out;
}

TEST(FrameTest, RoundTripsHoweverTheBytesAreCut) {
  const std::string bytes = encoded(FrameType::Ping, 0, 0, "12345678") +
                            encoded(FrameType::Data, 7, kStderr, std::string("a\0b", 3)) +
                            encoded(FrameType::Close, 0xfffffffeU, 0, "");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameDecoder decoder;
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      decoder.feed(std::string_view(bytes).substr(at, piece));
      Frame frame;
      while (decoder.next(frame) == FrameDecoder::State::Ready) {
        frames.push_back(frame);
      }
    }
    ASSERT_EQ(frames.size(), 3U) << piece;
    EXPECT_EQ(frames[0], (Frame{FrameType::Ping, 0, 0, "12345678"}));
    EXPECT_EQ(frames[1], (Frame{FrameType::Data, kStderr, 7, std::string("a\0b", 3)}));
    EXPECT_EQ(frames[2], (Frame{FrameType::Close, 0, 0xfffffffeU, ""}));
    EXPECT_EQ(decoder.buffered(), 0U);
  }
}

TEST(FrameTest, TakesTheLargestPayloadAndRefusesOneByteMore) {
  FrameDecoder decoder;
  decoder.feed(encoded(FrameType::Data, 1, kStdout, std::string(kMaxPayload, 'x')));
  Frame frame;
  EXPECT_EQ(decoder.next(frame), FrameDecoder::State::Ready);
  EXPECT_EQ(frame.payload.size(), kMaxPayload);
  decoder.feed(encoded(FrameType::Data, 1, kStdout, std::string(kMaxPayload + 1, 'x')));
  EXPECT_EQ(decoder.next(frame), FrameDecoder::State::Broken);
}

struct Violation {
  const char* name;
  std::string bytes;
};

TEST(FrameTest, EveryViolationIsFinal) {
  std::string reserved = encoded(FrameType::Open, 1, 1, "");
  reserved[10] = 1;
  std::string huge = encoded(FrameType::Data, 1, 1, "");
  huge.replace(0, 4, "\xff\xff\xff\xff");
  const Violation violations[] = {
      {"unknown type", encoded(static_cast<FrameType>(99), 1, 0, "")},
      {"type zero", encoded(static_cast<FrameType>(0), 0, 0, "")},
      {"reserved bits", reserved},
      {"huge length", huge},
      {"ping on a stream", encoded(FrameType::Ping, 1, 0, "")},
      {"data on stream 0", encoded(FrameType::Data, 0, 1, "")},
      {"channel 3", encoded(FrameType::Data, 1, 3, "")},
      {"credit of 3 bytes", encoded(FrameType::Credit, 1, 1, "abc")},
  };
  for (const Violation& violation : violations) {
    FrameDecoder decoder;
    Frame frame;
    decoder.feed(violation.bytes);
    EXPECT_EQ(decoder.next(frame), FrameDecoder::State::Broken) << violation.name;
    EXPECT_FALSE(decoder.error().empty());
    decoder.feed(encoded(FrameType::Ping, 0, 0, ""));
    EXPECT_EQ(decoder.next(frame), FrameDecoder::State::Broken) << violation.name;
    EXPECT_EQ(decoder.buffered(), 0U);
  }
}

TEST(FrameTest, CreditRoundTrips) {
  std::string bytes;
  encodeCredit(bytes, 3, kStdin, 0xdeadbeefU);
  FrameDecoder decoder;
  decoder.feed(bytes);
  Frame frame;
  ASSERT_EQ(decoder.next(frame), FrameDecoder::State::Ready);
  EXPECT_EQ(decodeCredit(frame), 0xdeadbeefU);
}

TEST(FrameTest, AHeaderWrittenAloneMatchesTheWholeFrame) {
  char header[kHeaderSize];
  encodeHeader(header, FrameType::Data, 9, kStdout, 5);
  EXPECT_EQ(std::string(header, sizeof header) + "hello",
            encoded(FrameType::Data, 9, kStdout, "hello"));
}

}  // namespace
}  // namespace ak::wire
