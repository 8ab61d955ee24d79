#include "manager/timekeeper.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace ak::manager {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class TimekeeperTest : public ::testing::Test {
 protected:
  SandboxPtr sandbox(std::optional<std::uint64_t> ttl, model::LifecyclePolicy policy = {}) {
    auto made = std::make_shared<Sandbox>(context_.get_executor());
    made->record.name = "box";
    made->record.created_at = clock_.wall();
    made->record.lifetime = model::lifetimeFrom(clock_.wall(), ttl, policy);
    made->status = model::SandboxStatus::Running;
    keeper_.meet(*made);
    return made;
  }

  boost::asio::io_context context_;
  FakeClock clock_;
  Timekeeper keeper_{clock_};
};

TEST_F(TimekeeperTest, IdleTimeGrowsUntilItIsUsed) {
  const auto box = sandbox({});
  clock_.advance(hours(2));
  EXPECT_EQ(keeper_.subject(*box).idle, hours(2));
  keeper_.touch(*box);
  EXPECT_EQ(keeper_.subject(*box).idle, seconds(0));
  EXPECT_EQ(parseTime(box->record.lifetime.last_activity_at), clock_.wall());
}

TEST_F(TimekeeperTest, WhatIsInUseIsNotIdle) {
  const auto box = sandbox({}, {.auto_stop_after_seconds = 5});
  keeper_.enter(*box);
  keeper_.enter(*box);
  clock_.advance(hours(1));
  keeper_.leave(*box);
  EXPECT_EQ(keeper_.subject(*box).idle, std::nullopt);
  EXPECT_EQ(keeper_.due(*box, seconds(0)), std::nullopt);
  clock_.advance(hours(1));
  keeper_.leave(*box);
  EXPECT_EQ(keeper_.subject(*box).idle, seconds(0));
  EXPECT_EQ(keeper_.due(*box, seconds(0)), seconds(5));
}

TEST_F(TimekeeperTest, AClockThatIsSetNeitherEndsNorAgesAnything) {
  const auto box = sandbox(600, {.auto_archive_after_seconds = 600});
  clock_.jumpWall(hours(1));
  EXPECT_EQ(keeper_.subject(*box).idle, seconds(0));
  EXPECT_FALSE(keeper_.expired(*box, seconds(0)));
  clock_.jumpWall(-hours(2));
  EXPECT_EQ(keeper_.subject(*box).idle, seconds(0));
  clock_.advance(seconds(601));
  EXPECT_EQ(keeper_.subject(*box).idle, seconds(601));
  EXPECT_FALSE(keeper_.expired(*box, seconds(0)))
      << "the wall clock says that there is an hour left";
  clock_.jumpWall(hours(1));
  EXPECT_TRUE(keeper_.expired(*box, seconds(0)));
}

TEST_F(TimekeeperTest, TheEndComesAfterTheGrace) {
  const auto box = sandbox(60);
  clock_.advance(seconds(60));
  EXPECT_TRUE(keeper_.expired(*box, seconds(0)));
  EXPECT_FALSE(keeper_.expired(*box, seconds(30)));
  EXPECT_EQ(keeper_.due(*box, seconds(30)), seconds(30));
  clock_.advance(seconds(30));
  EXPECT_TRUE(keeper_.expired(*box, seconds(30)));
}

TEST_F(TimekeeperTest, TimesOfAnotherDaemonCountOn) {
  const auto box = sandbox({});
  box->record.lifetime.last_activity_at = formatTime(clock_.wall() - hours(3));
  box->record.lifetime.archived_at = formatTime(clock_.wall() - hours(2));
  keeper_.meet(*box);
  EXPECT_EQ(keeper_.subject(*box).idle, hours(3));
  EXPECT_EQ(keeper_.subject(*box).archived, hours(2));
}

TEST_F(TimekeeperTest, TextsThatAreNoTimesOfThePastCountAsNow) {
  const auto box = sandbox(60);
  for (const std::string& text : {std::string("gestern"), formatTime(clock_.wall() + hours(9))}) {
    box->record.lifetime.last_activity_at = text;
    box->record.lifetime.archived_at = text;
    box->record.lifetime.expires_at = "never";
    keeper_.meet(*box);
    EXPECT_EQ(keeper_.subject(*box).idle, seconds(0)) << text;
    EXPECT_EQ(keeper_.subject(*box).archived, seconds(0)) << text;
    EXPECT_FALSE(keeper_.expired(*box, seconds(0)));
  }
  box->record.lifetime.last_activity_at.clear();
  box->record.created_at = clock_.wall() - hours(1);
  keeper_.meet(*box);
  EXPECT_EQ(keeper_.subject(*box).idle, hours(1)) << "since it was made";
}

TEST_F(TimekeeperTest, TheFirstThresholdIsDueFirst) {
  const auto box = sandbox(100, {.auto_stop_after_seconds = 30, .auto_archive_after_seconds = 50});
  EXPECT_EQ(keeper_.due(*box, seconds(0)), seconds(30));
  box->status = model::SandboxStatus::Stopped;
  EXPECT_EQ(keeper_.due(*box, seconds(0)), seconds(50));
  box->record.lifetime.archived_at = formatTime(clock_.wall());
  keeper_.readAgain(*box);
  EXPECT_EQ(keeper_.due(*box, seconds(0)), seconds(100));
  EXPECT_EQ(keeper_.due(*sandbox({}), seconds(0)), std::nullopt);
}

}  // namespace
}  // namespace ak::manager
