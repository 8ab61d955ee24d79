#include "api/output_text.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ak::api {
namespace {

struct Taken {
  std::string bytes;
  bool is_text;
  bool operator==(const Taken&) const = default;
};

std::vector<Taken> drain(TextPieces& pieces) {
  std::vector<Taken> all;
  TextPieces::Piece piece;
  while (pieces.next(piece)) {
    all.push_back({std::string(piece.bytes), piece.is_text});
  }
  return all;
}

TEST(TextPiecesTest, HoldsAnUnfinishedCharacterBack) {
  TextPieces pieces;
  pieces.feed("a\xe2\x82");
  EXPECT_EQ(drain(pieces), (std::vector<Taken>{{"a", true}}));
  pieces.feed("\xac!");
  EXPECT_EQ(drain(pieces), (std::vector<Taken>{{"\xe2\x82\xac!", true}}));
  pieces.feed("\xf0\x9f");
  EXPECT_TRUE(drain(pieces).empty());
  pieces.end();
  EXPECT_EQ(drain(pieces), (std::vector<Taken>{{"\xf0\x9f", false}}));
}

TEST(TextPiecesTest, GivesOtherBytesApart) {
  TextPieces pieces;
  pieces.feed("ok\xff\xfeok\xc0\x80\xed\xa0\x80.");
  EXPECT_EQ(drain(pieces), (std::vector<Taken>{{"ok", true},
                                               {"\xff\xfe", false},
                                               {"ok", true},
                                               {"\xc0\x80\xed\xa0\x80", false},
                                               {".", true}}));
}

TEST(TextPiecesTest, PiecesStaySmallAndLoseNothing) {
  for (const char* unit : {"x", "\x01", "\"", "\xe2\x82\xac", "\xff"}) {
    std::string text;
    while (text.size() < 200'000) {
      text += unit;
    }
    TextPieces pieces;
    pieces.feed(text);
    pieces.end();
    std::string joined;
    for (const Taken& piece : drain(pieces)) {
      EXPECT_EQ(piece.is_text, isUtf8(piece.bytes));
      EXPECT_LE(piece.bytes.size(), 30U * 1024);
      joined += piece.bytes;
    }
    EXPECT_EQ(joined, text);
  }
}

}  // namespace
}  // namespace ak::api
