#include "cli/detach_keys.h"

#include <gtest/gtest.h>

namespace ak::cli {
namespace {

TEST(DetachKeysTest, AreWrittenAsDockerHasThem) {
  EXPECT_EQ(parseDetachKeys("ctrl-p,ctrl-q").value(), "\x10\x11");
  EXPECT_EQ(parseDetachKeys("ctrl-a,d").value(),
            "\x01"
            "d");
  EXPECT_EQ(parseDetachKeys("Ctrl-],x").value(), "\x1dx");
  EXPECT_EQ(parseDetachKeys("ctrl-@").value(), std::string(1, '\0'));
  EXPECT_EQ(parseDetachKeys("none").value(), "");
  for (const char* word : {"", "ctrl-", "ctrl-p,", ",", "ctrl-1", "ab", "\xc3\xa9", " ",
                           "ctrl-p ctrl-q", "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"}) {
    EXPECT_EQ(parseDetachKeys(word).error().code, ErrorCode::InvalidArgument) << word;
  }
}

// However reads cut what is typed, what is passed on and what is found stay the same.
void expectTyped(const std::string& keys,
                 std::string_view all,
                 const std::string& typed,
                 bool detach) {
  for (std::size_t step = 1; step <= all.size(); ++step) {
    DetachKeys watch(keys);
    std::string passed;
    bool found = false;
    for (std::size_t at = 0; at < all.size() && !found; at += step) {
      const auto piece = watch.feed(all.substr(at, step));
      passed += piece.typed;
      found = piece.detach;
    }
    passed += found ? "" : watch.release();
    EXPECT_EQ(passed, typed) << "pieces of " << step;
    EXPECT_EQ(found, detach) << "pieces of " << step;
  }
}

TEST(DetachKeysTest, AreFoundHoweverTheyAreCut) {
  expectTyped("\x10\x11", "ls\r\x10\x11rest", "ls\r", true);
  expectTyped("\x10\x11", "\x10\x10\x11", "\x10", true);
  expectTyped("aab", "aaaab", "aa", true);
  expectTyped("abac", "ababac", "ab", true);
  expectTyped("x", "yx", "y", true);
}

TEST(DetachKeysTest, WhatDoesNotBecomeThemIsPassedOn) {
  expectTyped("\x10\x11", "\x10x\x11\x10", "\x10x\x11\x10", false);
  expectTyped("abac", "abab", "abab", false);
  expectTyped("", "\x10\x11", "\x10\x11", false);
}

TEST(DetachKeysTest, HoldsWhatMayYetBecomeThem) {
  DetachKeys watch("\x10\x11");
  EXPECT_EQ(watch.feed("a\x10").typed, "a");
  EXPECT_TRUE(watch.holds());
  EXPECT_EQ(watch.release(), "\x10");
  EXPECT_FALSE(watch.holds());
  EXPECT_FALSE(watch.feed("\x11").detach) << "the first was passed on";
}

}  // namespace
}  // namespace ak::cli
