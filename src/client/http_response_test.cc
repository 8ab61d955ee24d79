#include "client/http_response.h"

#include <gtest/gtest.h>

namespace ak::client {
namespace {

constexpr std::size_t kLimit = 1000;

Result<Response> parse(std::string_view text, std::size_t step) {
  ResponseParser parser(kLimit);
  for (std::size_t at = 0; at < text.size() && !parser.done(); at += step) {
    const auto fed = parser.feed(text.substr(at, step));
    if (!fed) {
      return std::unexpected(fed.error());
    }
  }
  if (!parser.done()) {
    if (auto finished = parser.finish(); !finished) {
      return std::unexpected(finished.error());
    }
  }
  return parser.take();
}

TEST(HttpResponseTest, EveryKindOfBodySurvivesEverySplit) {
  const std::vector<std::string> texts = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: "
      "b\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n"
      "T: 1\r\n\r\n",
      "HTTP/1.1 200\r\nX-A: b\r\n\r\nhello",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello",
  };
  for (const std::string& text : texts) {
    for (std::size_t step = 1; step <= text.size(); ++step) {
      const auto response = parse(text, step);
      ASSERT_TRUE(response) << text << response.error().message;
      EXPECT_EQ(response->status, 200);
      EXPECT_EQ(response->body, "hello");
      EXPECT_EQ(response->header("x-a"), "b");
    }
  }
}

TEST(HttpResponseTest, WhatFollowsASwitchOfProtocolsIsLeft) {
  ResponseParser parser(kLimit);
  EXPECT_TRUE(*parser.feed("HTTP/1.1 101 Go\r\nUpgrade: agentkernel\r\n\r\nframe"));
  EXPECT_EQ(parser.rest(), "frame");
}

TEST(HttpResponseTest, WhateverLeavesDoubtIsRefused) {
  const std::vector<std::string> texts = {
      "SSH-2.0-x\r\n\r\n",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.1 2x0 OK\r\n\r\n",
      "HTTP/1.1 200OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz",
      "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
      "HTTP/1.1 200 OK\r\n folded: b\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
      "HTTP/1.1 200 OK\r\nX: " + std::string(ResponseParser::kMaxHead, 'x'),
      "HTTP/1.1 200 OK\r\n\r\n" + std::string(kLimit + 1, 'x'),
      "HTTP/1.1 20",
      "",
  };
  for (const std::string& text : texts) {
    EXPECT_FALSE(parse(text, text.size() + 1)) << text.substr(0, 100);
    EXPECT_FALSE(parse(text, 1)) << text.substr(0, 100);
  }
}

}  // namespace
}  // namespace ak::client
