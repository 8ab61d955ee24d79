#include "manager/event_feed.h"

#include <gtest/gtest.h>

#include "net/loop.h"
#include "net/task_group.h"
#include "sys/random.h"

namespace ak::manager {
namespace {

class EventFeedTest : public ::testing::Test {
 protected:
  void publish(int times) {
    for (int i = 0; i < times; ++i) {
      feed_.publish(event_type::kUpdated, box_);
    }
  }

  net::Loop loop_;
  FakeClock clock_;
  sys::KernelRandom random_;
  model::SandboxRecord box_;
  EventFeed feed_{loop_.executor(), clock_, random_};
};

TEST_F(EventFeedTest, EventsComeInOrderFromWhereOneWas) {
  box_.name = "box";
  box_.labels = {{"a", "b"}};
  feed_.publish(event_type::kCreated, box_, {{"image", "host", {}}});
  publish(2);
  const EventFeed::Batch all = feed_.since(0);
  ASSERT_EQ(all.events.size(), 3U);
  EXPECT_EQ(all.missed, 0U);
  EXPECT_EQ(all.events[0].type, "sandbox.created");
  EXPECT_EQ(all.events[0].sandbox, "box");
  EXPECT_EQ(all.events[0].labels, box_.labels);
  EXPECT_EQ(all.events[2].number, 3U);
  EXPECT_EQ(feed_.since(2).events.size(), 1U);
  EXPECT_TRUE(feed_.since(3).events.empty());
  EXPECT_TRUE(feed_.since(99).events.empty()) << "a number that was never given";
}

TEST_F(EventFeedTest, WhoIsTooSlowIsToldWhatItMissed) {
  publish(static_cast<int>(EventFeed::kKept) + 5);
  const EventFeed::Batch batch = feed_.since(2);
  EXPECT_EQ(batch.missed, 3U);
  EXPECT_EQ(batch.events.size(), EventFeed::kKept);
  EXPECT_EQ(batch.events.front().number, 6U);
  EXPECT_EQ(batch.events.back().number, feed_.newest());
}

TEST_F(EventFeedTest, AWatcherIsWoken) {
  const auto watch = [this]() -> net::Task<std::uint64_t> {
    net::TaskGroup group(loop_.executor());
    const auto later = [this]() -> net::Task<void> {
      co_await net::yield();
      publish(1);
    };
    group.spawn(later());
    co_await feed_.changed();
    co_await group.join();
    co_return feed_.newest();
  };
  EXPECT_EQ(loop_.runUntilDone(watch()), 1U);
}

}  // namespace
}  // namespace ak::manager
