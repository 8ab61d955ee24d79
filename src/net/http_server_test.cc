// Real sockets and raw bytes: what a client may do to the server, and what it must not achieve.
#include "net/http_server.h"

#include <future>

#include <gtest/gtest.h>

#include "base/text.h"
#include "net/testing/raw_client.h"
#include "net/testing/server_thread.h"

namespace ak::net {
namespace {

using namespace std::chrono_literals;
using testing::RawClient;
using testing::RawResponse;

constexpr std::string_view kGet = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n";

class TestHandler final : public HttpHandler {
 public:
  std::promise<void> cancelled;
  std::promise<void> left;
  std::promise<void> waiting;

  Admission admit(const HttpRequest& request) override {
    Admission admission;
    admission.body_limit = 1024 * 1024;
    const std::string route = request.path.empty() ? "" : request.path[0];
    if (route == "refuse") {
      admission.refusal = refusal(404, "no such thing");
    } else if (route == "cancel") {
      admission.on_disconnect = OnDisconnect::Cancel;
      admission.serve = [this](HttpExchange&) { return untilCancelled(); };
    } else if (route == "gone") {
      admission.serve = [this](HttpExchange& exchange) { return untilGone(exchange); };
    } else if (route == "stream") {
      admission.serve = [](HttpExchange& exchange) { return stream(exchange); };
    } else if (route == "upgrade") {
      admission.serve = [](HttpExchange& exchange) { return upgraded(exchange); };
    } else if (route == "nothing") {
      admission.serve = [](HttpExchange&) -> Task<void> { co_return; };
    } else {
      admission.serve = [](HttpExchange& exchange) { return echo(exchange); };
    }
    return admission;
  }

  HttpResponse refusal(int status, std::string_view message) override {
    HttpResponse response;
    response.status = status;
    response.body = message;
    return response;
  }

 private:
  static Task<void> echo(HttpExchange& exchange) {
    HttpResponse response;
    const HttpRequest& request = exchange.request();
    response.body =
        cat(request.method, ' ', request.body.size(), ' ', request.peer ? request.peer->pid : -1);
    (void)co_await exchange.respond(std::move(response));
  }

  Task<void> untilCancelled() {
    struct Mark {
      std::promise<void>& promise;

      ~Mark() { promise.set_value(); }
    };

    const Mark mark{cancelled};
    waiting.set_value();
    co_await sleepFor(std::chrono::hours(1));
  }

  Task<void> untilGone(HttpExchange& exchange) {
    waiting.set_value();
    co_await exchange.gone();
    left.set_value();
  }

  static Task<void> stream(HttpExchange& exchange) {
    const std::string piece(10'000, 'x');
    exchange.beginStream("text/plain");
    for (int i = 0; i < 1000; ++i) {
      if (Status sent = co_await exchange.write(piece, Flush::Soon); !sent) {
        co_return;
      }
    }
    (void)co_await exchange.finish();
  }

  static Task<void> upgraded(HttpExchange& exchange) {
    exchange.upgrade("test");
    for (std::string data = co_await exchange.read(); !data.empty();
         data = co_await exchange.read()) {
      (void)co_await exchange.write(data, Flush::Soon);
    }
    (void)co_await exchange.write("bye", Flush::Later);
    (void)co_await exchange.finish();
  }
};

class HttpServerTest : public ::testing::Test {
 protected:
  static HttpOptions options() {
    HttpOptions options;
    options.common_headers = "X-Common: yes\r\n";
    options.head_timeout = 200ms;
    options.body_timeout = 200ms;
    options.write_stall = 300ms;
    options.tick = 20ms;
    options.connections = 8;
    return options;
  }

  RawClient client() { return RawClient(thread_.path()); }

  Loop loop_;
  TestHandler handler_;
  testing::ServerThread thread_{loop_, handler_, options()};
};

TEST_F(HttpServerTest, AnswersOnAKeptConnectionAndKnowsThePeer) {
  RawClient client = this->client();
  for (int i = 0; i < 3; ++i) {
    const RawResponse response = client.ask(kGet);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, cat("GET 0 ", ::getpid()));
    EXPECT_EQ(response.headers.at("x-common"), "yes");
    EXPECT_FALSE(response.headers.contains("connection"));
  }
}

TEST_F(HttpServerTest, ReadsBodiesOfBothFramings) {
  RawClient client = this->client();
  EXPECT_EQ(client.call("POST", "/echo", std::string(500'000, 'b')).body,
            cat("POST 500000 ", ::getpid()));
  EXPECT_EQ(client
                .ask("PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nabc\r\n0\r\n\r\n")
                .body,
            cat("PUT 3 ", ::getpid()));
}

TEST_F(HttpServerTest, AnswersAThousandPipelinedRequestsInOrder) {
  RawClient client = this->client();
  std::string requests;
  for (int i = 0; i < 1000; ++i) {
    requests += cat("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: ", i % 7, "\r\n\r\n",
                    std::string(static_cast<std::size_t>(i % 7), 'x'));
  }
  std::thread sender([&] { client.send(requests); });
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(client.readResponse().body, cat("POST ", i % 7, ' ', ::getpid())) << i;
  }
  sender.join();
}

TEST_F(HttpServerTest, ARequestMayArriveByteByByte) {
  RawClient client = this->client();
  for (char c : kGet) {
    ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  }
  EXPECT_EQ(client.readResponse().status, 200);
}

TEST_F(HttpServerTest, AnswersMalformedRequestsAndCloses) {
  const std::pair<std::string_view, int> cases[] = {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
       "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"
       "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
       501},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n", 400},
      {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", 505},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413},
      {"\x16\x03\x01\x02\r\n\r\n", 400},
  };
  for (const auto& [bytes, status] : cases) {
    RawClient client = this->client();
    const RawResponse response = client.ask(bytes);
    EXPECT_EQ(response.status, status) << printable(bytes);
    EXPECT_EQ(response.headers.at("connection"), "close");
    client.endSending();
    EXPECT_TRUE(client.atEnd()) << "a second request was answered";
  }
}

TEST_F(HttpServerTest, RefusesAGiantHead) {
  RawClient client = this->client();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  client.send(std::string(20'000, 'x'));
  EXPECT_EQ(client.readResponse().status, 431);
  client.endSending();
  EXPECT_TRUE(client.atEnd());
}

TEST_F(HttpServerTest, EndsASlowHeadAndASlowBody) {
  RawClient head = this->client();
  RawClient body = this->client();
  head.send("GET / HTTP/1.1\r\nHo");
  body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab");
  EXPECT_EQ(this->client().ask(kGet).status, 200) << "others are served meanwhile";
  EXPECT_EQ(head.readResponse().status, 408);
  EXPECT_EQ(body.readResponse().status, 408);
  EXPECT_TRUE(head.atEnd());
  EXPECT_TRUE(body.atEnd());
}

TEST_F(HttpServerTest, HalfARequestThenTheEndIsJustTheEnd) {
  RawClient client = this->client();
  client.send("GET / HTTP/1.1\r\nHost:");
  client.endSending();
  EXPECT_TRUE(client.atEnd());
}

TEST_F(HttpServerTest, ARefusedRequestWithABodyEndsTheConnectionAndOneWithoutDoesNot) {
  RawClient client = this->client();
  EXPECT_EQ(client.get("/refuse").status, 404);
  EXPECT_EQ(client.get("/echo").status, 200);
  const RawResponse response = client.call("POST", "/refuse", "GET /echo HTTP/1.1\r\n");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.headers.at("connection"), "close");
  client.endSending();
  EXPECT_TRUE(client.atEnd());
}

TEST_F(HttpServerTest, HeadHasNoBodyAndContinueIsSaid) {
  RawClient client = this->client();
  client.send("HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(client.readHead().headers.at("content-length"), "0");
  EXPECT_TRUE(client.buffer().empty());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.readHead().status, 100);
  client.send("hi");
  EXPECT_EQ(client.readResponse().body, cat("POST 2 ", ::getpid()));
}

TEST_F(HttpServerTest, AHandlerThatSaysNothingIsAnswered500) {
  EXPECT_EQ(client().get("/nothing").status, 500);
}

TEST_F(HttpServerTest, CancelsAHandlerWhoseClientLeaves) {
  RawClient client = this->client();
  client.send("GET /cancel HTTP/1.1\r\nHost: a\r\n\r\n");
  handler_.waiting.get_future().wait();
  client.close();
  EXPECT_EQ(handler_.cancelled.get_future().wait_for(10s), std::future_status::ready);
}

TEST_F(HttpServerTest, TellsAHandlerThatItsClientLeftAlsoBehindPipelinedRequests) {
  RawClient client = this->client();
  client.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
  handler_.waiting.get_future().wait();
  // In one piece: the server reads 64 KiB of it and the socket's buffer must hold the rest.
  std::string ahead;
  for (int i = 0; i < 3000; ++i) {
    ahead += kGet;
  }
  client.send(ahead);
  client.close();
  EXPECT_EQ(handler_.left.get_future().wait_for(10s), std::future_status::ready);
}

TEST_F(HttpServerTest, StreamsToASlowReaderWhileOthersAreServed) {
  RawClient slow = this->client();
  slow.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client().ask(kGet).status, 200);
  const RawResponse head = slow.readHead();
  EXPECT_EQ(head.headers.at("transfer-encoding"), "chunked");
  std::size_t total = 0;
  for (std::string chunk = slow.takeChunk(); !chunk.empty(); chunk = slow.takeChunk()) {
    total += chunk.size();
  }
  EXPECT_EQ(total, 10'000'000U);
  EXPECT_EQ(slow.ask(kGet).status, 200) << "the connection is kept behind a stream";
}

TEST_F(HttpServerTest, AnUpgradedConnectionBeginsWithWhatCameBehindTheHead) {
  RawClient client = this->client();
  client.send(
      "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\nearly");
  EXPECT_EQ(client.readHead().status, 101);
  EXPECT_EQ(client.take(5), "early");
  client.send("late");
  EXPECT_EQ(client.take(4), "late");
  client.endSending();
  EXPECT_EQ(client.readToEnd(), "bye");
}

TEST_F(HttpServerTest, IdleConnectionsMakeRoomAndBusyOnesDoNot) {
  std::vector<RawClient> idle;
  for (int i = 0; i < 12; ++i) {
    idle.push_back(client());
    ASSERT_EQ(idle.back().ask(kGet).status, 200) << i;
  }
  EXPECT_TRUE(idle.front().atEnd()) << "the oldest idle one was closed";
  idle.clear();
}

TEST_F(HttpServerTest, ShutdownLetsARunningRequestEndAndClosesIdleOnes) {
  RawClient idle = client();
  ASSERT_EQ(idle.ask(kGet).status, 200);
  RawClient busy = client();
  busy.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
  handler_.waiting.get_future().wait();
  std::thread stopper([&] { thread_.stop(10s); });
  EXPECT_TRUE(idle.atEnd());
  busy.close();
  stopper.join();
  EXPECT_EQ(handler_.left.get_future().wait_for(0s), std::future_status::ready);
}

TEST_F(HttpServerTest, ShutdownCancelsWhatDoesNotEnd) {
  RawClient busy = client();
  busy.send("GET /cancel HTTP/1.1\r\nHost: a\r\n\r\n");
  handler_.waiting.get_future().wait();
  RawClient streaming = client();
  streaming.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(streaming.readHead().status, 200);
  thread_.stop(0ms);
  EXPECT_EQ(handler_.cancelled.get_future().wait_for(0s), std::future_status::ready);
}

}  // namespace
}  // namespace ak::net
