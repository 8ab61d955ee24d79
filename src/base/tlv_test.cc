#include "base/tlv.h"

#include <vector>

#include <gtest/gtest.h>

namespace ak {
namespace {

struct Field {
  std::uint32_t field;
  std::uint64_t number;
  std::string bytes;
  bool operator==(const Field&) const = default;
};

// Every field up to the first malformed one; nullopt when there was one.
std::optional<std::vector<Field>> readAllFields(std::string_view text) {
  TlvReader in(text);
  std::vector<Field> fields;
  while (in.next()) {
    fields.push_back(in.isBytes() ? Field{in.field(), 0, in.string()}
                                  : Field{in.field(), in.number(), {}});
  }
  return in.ok() ? std::optional(fields) : std::nullopt;
}

TEST(TlvTest, WhatIsWrittenIsReadInOrder) {
  TlvWriter out;
  out.number(1, 0).number(2, 127).number(3, 128).number(4, ~0ULL).bytes(5, "").bytes(
      6, std::string_view("a\0b", 3));
  out.number(0xffffffffU, 7);
  const std::vector<Field> expected = {{1, 0, ""},          {2, 127, ""},
                                       {3, 128, ""},        {4, ~0ULL, ""},
                                       {5, 0, ""},          {6, 0, std::string("a\0b", 3)},
                                       {0xffffffffU, 7, ""}};
  EXPECT_EQ(readAllFields(out.text()), expected);
}

TEST(TlvTest, RecordsNestAndRepeat) {
  TlvWriter inner;
  inner.bytes(1, "deep");
  TlvWriter out;
  out.record(9, inner).record(9, inner);
  TlvReader in(out.text());
  int seen = 0;
  while (in.next()) {
    TlvReader nested(in.bytes());
    ASSERT_TRUE(nested.next());
    EXPECT_EQ(nested.string(), "deep");
    ++seen;
  }
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(seen, 2);
}

TEST(TlvTest, ConditionalFieldsAreAbsentWhenDefault) {
  TlvWriter out;
  out.numberIf(1, 0).bytesIf(2, "");
  EXPECT_EQ(out.text(), "");
  EXPECT_TRUE(readAllFields(out.text()));
}

TEST(TlvTest, EveryTruncationInsideAFieldIsRefused) {
  TlvWriter out;
  out.bytes(1000, std::string(300, 'x')).number(2, 1ULL << 40U);
  const std::string whole = out.text();
  const std::size_t first = whole.size() - 7;  // one key byte and six value bytes
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_EQ(readAllFields(whole.substr(0, size)).has_value(), size == first) << size;
  }
}

TEST(TlvTest, ALengthBeyondTheEndIsRefusedWithoutReadingThere) {
  std::string text = "\x03";                           // field 1, bytes
  text += "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";  // 2^64 - 1
  EXPECT_FALSE(readAllFields(text + "abc"));
}

TEST(TlvTest, OverlongVarintsAndFieldNumbersAreRefused) {
  EXPECT_FALSE(readAllFields(std::string("\x02") + std::string(9, '\xff') + "\x02"));  // 65 bits
  EXPECT_FALSE(readAllFields(std::string(11, '\x80') + std::string(2, '\0')));
  EXPECT_FALSE(readAllFields(std::string("\x80\x80\x80\x80\x20\x00", 6)));  // field 2^32
}

TEST(TlvTest, TheWrongKindReadsAsNothingAndIsRemembered) {
  TlvWriter out;
  out.number(1, 5).bytes(2, "text");
  TlvReader in(out.text());
  ASSERT_TRUE(in.next());
  EXPECT_EQ(in.bytes(), "");
  EXPECT_FALSE(in.ok());
  EXPECT_FALSE(in.next());
}

TEST(TlvTest, ANumberThatDoesNotFitIsRefused) {
  TlvWriter out;
  out.number(1, 256).number(2, 255);
  TlvReader in(out.text());
  ASSERT_TRUE(in.next());
  EXPECT_EQ(in.numberAs<std::uint8_t>(), 0);
  EXPECT_FALSE(in.ok());

  TlvReader large(out.text());
  ASSERT_TRUE(large.next() && large.next());
  EXPECT_EQ(large.numberAs<std::uint8_t>(), 255);
  EXPECT_TRUE(large.ok());
}

}  // namespace
}  // namespace ak
