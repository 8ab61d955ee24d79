#include "net/http_head.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ak::net {
namespace {

std::expected<HttpHead, HeadError> parse(std::string_view lines) {
  return parseHead(cat("GET / HTTP/1.1\r\n", lines, "\r\n"));
}

int statusOf(std::string_view lines) {
  const auto head = parse(lines);
  return head ? 200 : head.error().status;
}

int statusOfTarget(std::string_view target) {
  const auto head = parseHead(cat("GET ", target, " HTTP/1.1\r\nHost: a\r\n\r\n"));
  return head ? 200 : head.error().status;
}

TEST(HttpHeadTest, ReadsMethodTargetHeadersAndFraming) {
  const auto head = parseHead(
      "POST /sandboxes//a%2Fb%20c/exec/?x=1&y=a+b%26&flag HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Length: 12\r\nX-Thing:  spaced \t\r\nConnection: keep-alive, Upgrade\r\n"
      "Upgrade: agentkernel\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->request.method, "POST");
  EXPECT_EQ(head->request.path, (std::vector<std::string>{"sandboxes", "a/b c", "exec"}));
  EXPECT_EQ(*head->request.queryValue("y"), "a b&");
  EXPECT_EQ(*head->request.queryValue("flag"), "");
  EXPECT_EQ(head->request.queryValue("z"), nullptr);
  EXPECT_EQ(*head->request.header("x-thing"), "spaced");
  EXPECT_EQ(head->framing, BodyFraming::Length);
  EXPECT_EQ(head->content_length, 12U);
  EXPECT_EQ(head->upgrade, "agentkernel");
  EXPECT_TRUE(head->keep_alive);
}

TEST(HttpHeadTest, RefusesEverySmugglingShape) {
  EXPECT_EQ(statusOf("Host: a\r\n"), 200);
  EXPECT_EQ(statusOf("Host: a\r\nTransfer-Encoding: chunked\r\n"), 200);
  EXPECT_EQ(statusOf(""), 400) << "no Host";
  EXPECT_EQ(statusOf("Host: a\r\nHost: a\r\n"), 400);
  EXPECT_EQ(statusOf("Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(statusOf("Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400);
  EXPECT_EQ(statusOf("Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n"), 400);
  EXPECT_EQ(statusOf("Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n"), 400);
  EXPECT_EQ(statusOf("Host: a\r\nTransfer-Encoding: xchunked\r\n"), 501);
  EXPECT_EQ(statusOf("Host: a\r\nTransfer-Encoding: chunked, identity\r\n"), 501);
  EXPECT_EQ(statusOf("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n"), 501);
  EXPECT_EQ(statusOf("Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            501);
  EXPECT_EQ(statusOf("Host: a\r\nX: 1\r\n folded\r\n"), 400);
  EXPECT_EQ(statusOf("Host: a\r\nContent-Length : 1\r\n"), 400);
  EXPECT_EQ(statusOf("Host: a\r\nX: a\rb\r\n"), 400);
  EXPECT_EQ(statusOf("Host: a\r\nX: a\nY: b\r\n"), 400);
  EXPECT_EQ(statusOf("Host: a\r\n: nameless\r\n"), 400);
  EXPECT_EQ(statusOf("Host: a\r\nno colon\r\n"), 400);
  EXPECT_EQ(statusOf(std::string_view("Host: a\r\nX: \0\r\n", 14)), 400);
}

TEST(HttpHeadTest, RefusesLengthsThatReadersDisagreeAbout) {
  for (std::string_view length : {"+1", "-1", "0x10", "1 2", "1,1", "", "18446744073709551616"}) {
    EXPECT_EQ(statusOf(cat("Host: a\r\nContent-Length: ", length, "\r\n")), 400) << length;
  }
}

TEST(HttpHeadTest, RefusesBadTargets) {
  EXPECT_EQ(statusOfTarget("/%zz"), 400);
  EXPECT_EQ(statusOfTarget("/%2"), 400);
  EXPECT_EQ(statusOfTarget("/%"), 400);
  EXPECT_EQ(statusOfTarget("/a%00b"), 400);
  EXPECT_EQ(statusOfTarget("/?q=%00"), 400);
  EXPECT_EQ(statusOfTarget("http://elsewhere/"), 400);
  EXPECT_EQ(statusOfTarget("*"), 400);
  EXPECT_EQ(statusOfTarget("/a b"), 400);
  EXPECT_EQ(statusOfTarget("/a#b"), 400);
  EXPECT_EQ(statusOfTarget("/\xc3\xa4"), 400);
  EXPECT_EQ(statusOfTarget("/%C3%A4"), 200);
}

TEST(HttpHeadTest, DecodesOnceOnly) {
  const auto head = parseHead("GET /a%2525b HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->request.path.at(0), "a%25b");
}

TEST(HttpHeadTest, SpeaksOneVersion) {
  EXPECT_EQ(parseHead("GET / HTTP/1.0\r\nHost: a\r\n\r\n").error().status, 505);
  EXPECT_EQ(parseHead("GET / HTTP/2.0\r\nHost: a\r\n\r\n").error().status, 505);
  EXPECT_EQ(parseHead("GET / FTP/1.1\r\nHost: a\r\n\r\n").error().status, 400);
  EXPECT_EQ(parseHead("GET /\r\nHost: a\r\n\r\n").error().status, 400);
}

TEST(HttpHeadTest, BoundsTheNumberOfHeaders) {
  std::string lines = "Host: a\r\n";
  for (std::size_t i = 1; i < kMaxHeaders; ++i) {
    lines += "X: 1\r\n";
  }
  EXPECT_EQ(statusOf(lines), 200);
  EXPECT_EQ(statusOf(lines + "X: 1\r\n"), 431);
}

}  // namespace
}  // namespace ak::net
