#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/admission.h"
#include "policy/base_environment.h"

namespace ak::policy {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

TEST(BaseEnvironmentTest, FiveVariablesAndNothingElse) {
  EXPECT_THAT(
      guestEnvironment({}),
      ElementsAre("HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                  "TERM=dumb", "LANG=C.UTF-8", "TZ=UTC"));
}

TEST(BaseEnvironmentTest, LaterLayersReplaceEarlierOnes) {
  const auto environment = guestEnvironment({.terminal = true,
                                             .term = "screen",
                                             .image = {"PATH=/img", "A=1", "broken", "=x"},
                                             .host = {"PATH=/host"},
                                             .pass_host = true,
                                             .request = {"A=2", "B="}});
  EXPECT_THAT(environment, ElementsAre("HOME=/root", "PATH=/host", "TERM=screen", "LANG=C.UTF-8",
                                       "TZ=UTC", "A=2", "B="));
}

TEST(BaseEnvironmentTest, HostVariablesNeedTheProfile) {
  const auto environment = guestEnvironment({.host = {"USER=ann"}});
  EXPECT_THAT(environment, testing::Not(testing::Contains("USER=ann")));
}

TEST(BaseEnvironmentTest, HomeFollowsTheUser) {
  EXPECT_EQ(homeOf(""), "/root");
  EXPECT_EQ(homeOf("root:staff"), "/root");
  EXPECT_EQ(homeOf("0"), "/root");
  EXPECT_EQ(homeOf("ann"), "/home/ann");
  EXPECT_EQ(homeOf("1000:1000"), "/");
  EXPECT_EQ(homeOf("../etc"), "/");
}

TEST(AdmissionTest, WhatFitsIsAdmittedToTheLastByte) {
  const HostBudget budget{.memory_bytes = 1024 * kMiB, .pids = 100, .sandboxes = 2};
  const Reservation held{.memory_bytes = 512 * kMiB, .pids = 50, .sandboxes = 1};
  EXPECT_TRUE(admit(budget, held, {.memory_bytes = 512 * kMiB, .pids = 50, .sandboxes = 1}));
}

TEST(AdmissionTest, EachBudgetIsHeld) {
  struct Case {
    HostBudget budget;
    Reservation asked;
    std::string_view word;
  };

  for (const Case& c : {Case{{.memory_bytes = 10}, {.memory_bytes = 11}, "memory"},
                        Case{{.pids = 10}, {.pids = 11}, "processes"},
                        Case{{.descriptors = 10}, {.descriptors = 11}, "descriptors"},
                        Case{{.disk_bytes = 10}, {.disk_bytes = 11}, "disk"},
                        Case{{.sandboxes = 1}, {.sandboxes = 2}, "sandboxes"}}) {
    const Status status = admit(c.budget, {}, c.asked);
    ASSERT_FALSE(status) << c.word;
    EXPECT_EQ(status.error().code, ErrorCode::Capacity);
    EXPECT_THAT(status.error().message, testing::HasSubstr(c.word));
    EXPECT_FALSE(status.error().remedy.empty());
  }
}

TEST(AdmissionTest, HugeNumbersDoNotWrapAround) {
  constexpr auto kHuge = std::numeric_limits<std::uint64_t>::max();
  EXPECT_FALSE(admit({.memory_bytes = 10}, {.memory_bytes = 5}, {.memory_bytes = kHuge}));
  Reservation sum{.memory_bytes = kHuge};
  sum += {.memory_bytes = 1};
  EXPECT_EQ(sum.memory_bytes, kHuge);
  Reservation less{.pids = 1};
  less -= {.pids = 2};
  EXPECT_EQ(less.pids, 0U);
}

TEST(AdmissionTest, SandboxesWithoutLimitsStillCount) {
  const Reservation reservation = reservationFor({});
  EXPECT_EQ(reservation.memory_bytes, kUnlimitedMemoryShare);
  EXPECT_EQ(reservation.pids, kUnlimitedPidsShare);
  EXPECT_EQ(reservation.sandboxes, 1U);
}

TEST(AdmissionTest, LimitsThatWereAskedForCountInFullAndDefaultsForAShare) {
  model::Limits limits{.memory_bytes = std::uint64_t{512} << 20U, .pids = 256};
  EXPECT_EQ(reservationFor(limits).memory_bytes, kDefaultMemoryShare);
  EXPECT_EQ(reservationFor(limits).pids, kDefaultPidsShare);
  limits.explicit_memory = limits.explicit_pids = limits.explicit_disk = true;
  limits.disk_bytes = std::uint64_t{1} << 30U;
  EXPECT_EQ(reservationFor(limits).memory_bytes, limits.memory_bytes);
  EXPECT_EQ(reservationFor(limits).pids, limits.pids);
  EXPECT_EQ(reservationFor(limits).disk_bytes, limits.disk_bytes);
  const model::Limits small{.memory_bytes = 1000, .pids = 3};
  EXPECT_EQ(reservationFor(small).memory_bytes, 1000U);
  EXPECT_EQ(reservationFor(small).pids, 3U);
}

TEST(AdmissionTest, FiveHundredIdleSandboxesFitOnAMachineOf24GiB) {
  const HostBudget budget = defaultBudget({.memory_bytes = std::uint64_t{24} << 30U,
                                           .pid_max = 32768,
                                           .descriptor_limit = 1U << 20U,
                                           .free_disk_bytes = std::uint64_t{20} << 30U});
  const model::Limits moderate{
      .memory_bytes = std::uint64_t{512} << 20U, .cpu_percent = 100, .pids = 256};
  Reservation held = reservationForWarm(8);
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(admit(budget, held, reservationFor(moderate))) << i;
    held += reservationFor(moderate);
  }
  model::Limits large = moderate;
  large.memory_bytes = std::uint64_t{8} << 30U;
  large.explicit_memory = true;
  const Status refused = admit(budget, held, reservationFor(large));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Capacity);
}

TEST(AdmissionTest, DefaultBudgetsLeaveRoomForTheHost) {
  const HostBudget budget = defaultBudget(
      {.memory_bytes = 1000, .pid_max = 4096, .descriptor_limit = 1024, .free_disk_bytes = 100});
  EXPECT_EQ(budget, (HostBudget{800, 2048, 819, 90, 0}));
}

}  // namespace
}  // namespace ak::policy
