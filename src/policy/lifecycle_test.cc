#include "policy/lifecycle.h"

#include <gtest/gtest.h>

namespace ak::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Action = LifecycleAction;
using Decisions = std::vector<LifecycleDecision>;

LifecycleSubject idle(std::string sandbox, seconds since, model::LifecyclePolicy policy) {
  return {std::move(sandbox), true, since, std::nullopt, policy};
}

TEST(LifecycleTest, IdleForAtLeastTheThresholdIsStopped) {
  const model::LifecyclePolicy policy{.auto_stop_after_seconds = 10};
  EXPECT_EQ(decideLifecycle({idle("a", seconds(9), policy)}), Decisions{});
  EXPECT_EQ(decideLifecycle({idle("a", seconds(10), policy)}),
            (Decisions{{"a", Action::Stop, "inactive for 10s (threshold=10s)"}}));
  LifecycleSubject stopped = idle("a", hours(1), policy);
  stopped.running = false;
  EXPECT_EQ(decideLifecycle({stopped}), Decisions{});
}

TEST(LifecycleTest, ArchivingComesBeforeStopping) {
  const model::LifecyclePolicy policy{.auto_stop_after_seconds = 1,
                                      .auto_archive_after_seconds = 60};
  EXPECT_EQ(decideLifecycle({idle("a", minutes(1), policy)}),
            (Decisions{{"a", Action::Archive, "inactive for 60s (threshold=60s)"}}));
}

TEST(LifecycleTest, ZeroIsAThreshold) {
  EXPECT_EQ(decideLifecycle({idle("a", seconds(0), {.auto_archive_after_seconds = 0})}),
            (Decisions{{"a", Action::Archive, "inactive for 0s (threshold=0s)"}}));
}

TEST(LifecycleTest, AnArchivedOneIsOnlyEverDeleted) {
  LifecycleSubject archived = idle("a", hours(9),
                                   {.auto_stop_after_seconds = 1,
                                    .auto_archive_after_seconds = 1,
                                    .auto_delete_after_seconds = 60});
  archived.archived = seconds(59);
  EXPECT_EQ(decideLifecycle({archived}), Decisions{});
  archived.archived = hours(2);
  EXPECT_EQ(decideLifecycle({archived}),
            (Decisions{{"a", Action::Delete, "archived for 7200s (threshold=60s)"}}));
}

TEST(LifecycleTest, WhatIsInUseOrHasNoPolicyIsLeftAlone) {
  LifecycleSubject busy = idle("a", seconds(0), {.auto_stop_after_seconds = 0});
  busy.idle.reset();
  EXPECT_EQ(decideLifecycle({busy, idle("b", hours(1000), {})}), Decisions{});
}

TEST(LifecycleTest, HugeThresholdsNeverCome) {
  EXPECT_EQ(decideLifecycle({idle("a", hours(1000), {.auto_archive_after_seconds = UINT64_MAX})}),
            Decisions{});
}

TEST(LifecycleTest, TheOrderIsByNameThenReason) {
  const model::LifecyclePolicy policy{.auto_stop_after_seconds = 1};
  const Decisions decided =
      decideLifecycle({idle("b", seconds(5), policy), idle("a", seconds(7), policy),
                       idle("c", seconds(1), policy)});
  ASSERT_EQ(decided.size(), 3U);
  EXPECT_EQ(decided[0].sandbox, "a");
  EXPECT_EQ(decided[1].sandbox, "b");
  EXPECT_EQ(decided[2].sandbox, "c");
}

TEST(LifecycleTest, ActionsHaveTheirWords) {
  EXPECT_EQ(name(Action::Stop), "stop");
  EXPECT_EQ(name(Action::Archive), "archive");
  EXPECT_EQ(name(Action::Delete), "delete");
}

}  // namespace
}  // namespace ak::policy
