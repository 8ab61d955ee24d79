// GET /events over a real socket.
#include <boost/asio/post.hpp>

#include "api/testing/api_fixture.h"

namespace ak::api {
namespace {

using net::testing::RawClient;

class EventsTest : public testing::ApiFixture {
 protected:
  void publish(std::string_view type, const std::string& sandbox, int times = 1) {
    std::promise<void> done;
    boost::asio::post(loop_.executor(), [&] {
      model::SandboxRecord record;
      record.name = sandbox;
      record.uuid = "u-" + sandbox;
      record.labels = {{"team", sandbox}};
      for (int i = 0; i < times; ++i) {
        events_.publish(type, record, {{"reason", "line\nend", {}}, {"exit_code", "", 7}});
      }
      done.set_value();
    });
    done.get_future().wait();
  }

  RawClient watch(std::string_view query, std::string_view header = {}) {
    RawClient client = this->client();
    client.send(cat("GET /events", query, " HTTP/1.1\r\nHost: localhost\r\n", header, "\r\n"));
    EXPECT_TRUE(client.readUntil(": connected\n\n"));
    return client;
  }
};

TEST_F(EventsTest, AnEventIsThreeLines) {
  RawClient client = watch("");
  publish(manager::event_type::kStopped, "a");
  EXPECT_TRUE(client.readUntil(cat("id: ", events_.instance(), ".1\nevent: sandbox.stopped\n")));
  EXPECT_TRUE(client.readUntil(R"("metadata":{"exit_code":7,"reason":"line\nend"})"));
}

TEST_F(EventsTest, OnlyWhatIsAskedForComes) {
  for (const char* query : {"?sandbox=b", "?sandbox=u-b", "?label=team:b"}) {
    RawClient client = watch(query);
    publish(manager::event_type::kCreated, "a");
    publish(manager::event_type::kDeleted, "b");
    EXPECT_TRUE(client.readUntil("event: sandbox.deleted"));
    EXPECT_EQ(client.buffer().find("sandbox.created"), std::string::npos) << query;
  }
}

TEST_F(EventsTest, WhoComesBackMissesNothingOrIsTold) {
  publish(manager::event_type::kCreated, "a");
  publish(manager::event_type::kStarted, "a");
  const std::string header = cat("Last-Event-ID: ", events_.instance(), ".1\r\n");
  EXPECT_TRUE(watch("", header).readUntil("event: sandbox.started"));
  publish(manager::event_type::kUpdated, "a", manager::EventFeed::kKept);
  EXPECT_TRUE(watch("", header).readUntil(": lagged 1 events\n\n"));
  for (const char* other : {"0badcafe.9", "nonsense", ".", "0badcafe.99999999999999999999"}) {
    EXPECT_TRUE(watch("", cat("Last-Event-ID: ", other, "\r\n")).readUntil("sandbox.updated"));
  }
}

// Its memory is what the feed keeps, and nobody waits for it.
TEST_F(EventsTest, AWatcherThatNeverReadsHoldsUpNobody) {
  RawClient lazy = watch("");
  for (int i = 0; i < 20; ++i) {
    publish(manager::event_type::kUpdated, std::string(60, 'x'), manager::EventFeed::kKept);
  }
  RawClient keen = watch("");
  publish(manager::event_type::kDeleted, "a");
  EXPECT_TRUE(keen.readUntil("event: sandbox.deleted"));
}

}  // namespace
}  // namespace ak::api
