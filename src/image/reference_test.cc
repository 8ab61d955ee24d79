#include "image/reference.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ak::image {
namespace {

TEST(ReferenceTest, TheNameOfThisMachineIsNoImages) {
  for (const char* name : {"host", "host:1"}) {
    const auto parsed = parseImageName(name);
    ASSERT_FALSE(parsed) << name;
    EXPECT_NE(parsed.error().remedy.find("another name"), std::string::npos)
        << parsed.error().remedy;
  }
}

TEST(ReferenceTest, NamesGetTheTagLatest) {
  EXPECT_EQ(parseReference("debian")->value, "debian:latest");
  EXPECT_EQ(parseReference("debian:12-slim")->value, "debian:12-slim");
  EXPECT_EQ(parseReference("example.org:5000/a/b")->value, "example.org:5000/a/b:latest");
  EXPECT_EQ(parseReference("example.org:5000/a/b:V1")->value, "example.org:5000/a/b:V1");
  EXPECT_EQ(parseReference("host")->kind, Reference::Kind::Host);
}

TEST(ReferenceTest, DigestsNeedTwelveDigits) {
  EXPECT_EQ(parseReference("0123456789ab")->kind, Reference::Kind::Digest);
  EXPECT_EQ(parseReference("sha256:0123456789ab")->value, "0123456789ab");
  EXPECT_EQ(parseReference("0123456789a")->kind, Reference::Kind::Name);
  EXPECT_EQ(parseReference(cat("app@sha256:", std::string(64, 'a')))->kind,
            Reference::Kind::Digest);
  EXPECT_FALSE(parseReference("sha256:0123"));
  EXPECT_FALSE(parseReference("app@md5:0123456789abcdef"));
}

TEST(ReferenceTest, WhatCouldLeadElsewhereIsRefused) {
  for (const char* bad :
       {"",     "-v",    "--help", ".",           "..",          "../x", "a/../b", "a/..",
        "/abs", "a//b",  "a/",     "UPPER",       "a b",         "a:",   ":a",     "a:.x",
        "a:-x", "a:b:c", "a\nb",   "a:b/c:d/e:f", "host:latest", "a@",   "a;b",    "ä"}) {
    EXPECT_FALSE(parseReference(bad)) << bad;
  }
  EXPECT_FALSE(parseReference(std::string(256, 'a')));
  EXPECT_FALSE(parseImageName("host"));
}

}  // namespace
}  // namespace ak::image
