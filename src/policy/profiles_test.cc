#include "policy/profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/capabilities.h"

namespace ak::policy {
namespace {

using model::NetworkMode;
using model::Profile;
using model::SeccompSet;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

template <typename T>
Wish<T> by(std::string origin, T value) {
  return {value, std::move(origin)};
}

model::Permissions permissionsFor(Profile profile) {
  PermissionInputs inputs;
  inputs.flags.profile = by("flag --profile", profile);
  return resolvePermissions(inputs)->permissions;
}

TEST(ProfilesTest, NothingAskedIsModerateWithoutNetwork) {
  const auto resolved = resolvePermissions({});
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->permissions, profileDefaults(Profile::Moderate));
  EXPECT_EQ(resolved->permissions.network, NetworkMode::None);
  EXPECT_FALSE(resolved->permissions.pass_environment);
  EXPECT_THAT(resolved->notes, IsEmpty());
}

TEST(ProfilesTest, TheTableHolds) {
  struct Row {
    Profile profile;
    SeccompSet seccomp;
    bool read_only, pass_environment;
    std::uint64_t memory;
    std::uint32_t cpu, pids;
    bool capabilities, hard;
  };

  for (const Row& row :
       {Row{Profile::Permissive, SeccompSet::Default, false, true, 0, 0, 4096, true, false},
        Row{Profile::Moderate, SeccompSet::Moderate, false, false, 512 * kMiB, 100, 512, true,
            false},
        Row{Profile::Custom, SeccompSet::Moderate, false, false, 512 * kMiB, 100, 512, true, false},
        Row{Profile::Restrictive, SeccompSet::Restrictive, true, false, 256 * kMiB, 50, 128, false,
            true}}) {
    const model::Permissions got = permissionsFor(row.profile);
    SCOPED_TRACE(static_cast<int>(row.profile));
    EXPECT_EQ(got.network, NetworkMode::None);
    EXPECT_EQ(got.seccomp, row.seccomp);
    EXPECT_EQ(got.read_only_root, row.read_only);
    EXPECT_EQ(got.pass_environment, row.pass_environment);
    EXPECT_EQ(got.limits.memory_bytes, row.memory);
    EXPECT_EQ(got.limits.cpu_percent, row.cpu);
    EXPECT_EQ(got.limits.pids, row.pids);
    EXPECT_EQ(got.capabilities != 0, row.capabilities);
    EXPECT_EQ(got.limits.explicit_memory, row.hard);
    EXPECT_EQ(got.limits.explicit_cpu, row.hard);
    EXPECT_EQ(got.limits.explicit_pids, row.hard);
    EXPECT_FALSE(got.limits.explicit_disk);
  }
}

TEST(ProfilesTest, NoProfileHasACapabilityThatReachesTheKernel) {
  constexpr std::uint64_t kHarmless = bit(Capability::Chown) | bit(Capability::DacOverride) |
                                      bit(Capability::Fowner) | bit(Capability::Fsetid) |
                                      bit(Capability::Kill) | bit(Capability::Setgid) |
                                      bit(Capability::Setuid);
  for (const auto profile :
       {Profile::Permissive, Profile::Moderate, Profile::Restrictive, Profile::Custom}) {
    EXPECT_EQ(permissionsFor(profile).capabilities & ~kHarmless, 0U);
  }
}

TEST(ProfilesTest, LaterSourcesWin) {
  PermissionInputs inputs;
  inputs.user.memory_bytes = by("user:1", 64 * kMiB);
  inputs.project.memory_bytes = by("project:2", 128 * kMiB);
  EXPECT_EQ(resolvePermissions(inputs)->permissions.limits.memory_bytes, 128 * kMiB);
  inputs.flags.memory_bytes = by("flag --memory", 1024 * kMiB);
  const auto resolved = resolvePermissions(inputs);
  EXPECT_EQ(resolved->permissions.limits.memory_bytes, 1024 * kMiB);
  EXPECT_TRUE(resolved->permissions.limits.explicit_memory);
  EXPECT_THAT(resolved->notes, IsEmpty());
  EXPECT_THAT(resolved->origins, testing::Contains(Provenance{"memory", "1 GiB", "flag --memory"}));
}

TEST(ProfilesTest, AProfileNamedLaterIsNotUndoneByOlderWishes) {
  PermissionInputs inputs;
  inputs.user.network = by("user:1", NetworkMode::Full);
  inputs.project.seccomp = by("project:2", SeccompSet::Default);
  inputs.project.read_only_root = by("project:3", false);
  inputs.user.pass_environment = by("user:4", true);
  inputs.flags.profile = by("flag --profile", Profile::Restrictive);
  const auto resolved = resolvePermissions(inputs);
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->permissions, permissionsFor(Profile::Restrictive));
  EXPECT_EQ(resolved->notes.size(), 4U);
}

TEST(ProfilesTest, AWishOfTheSameSourceMayDifferFromItsProfile) {
  PermissionInputs inputs;
  inputs.flags.profile = by("flag --profile", Profile::Restrictive);
  inputs.flags.network = by("flag --network", NetworkMode::Full);
  EXPECT_EQ(resolvePermissions(inputs)->permissions.network, NetworkMode::Full);
}

TEST(ProfilesTest, NumbersOfRestrictiveAreCeilingsAndClampsAreReported) {
  PermissionInputs inputs;
  inputs.flags.profile = by("flag --profile", Profile::Restrictive);
  inputs.flags.memory_bytes = by("flag --memory", 4096 * kMiB);
  inputs.flags.pids = by("flag --pids", 64U);
  const auto resolved = resolvePermissions(inputs);
  EXPECT_EQ(resolved->permissions.limits.memory_bytes, 256 * kMiB);
  EXPECT_EQ(resolved->permissions.limits.pids, 64U);
  EXPECT_THAT(
      resolved->notes,
      ElementsAre("The memory of 4 GiB asked for by flag --memory was lowered to 256 MiB, the "
                  "limit of profile restrictive."));
}

TEST(ProfilesTest, AResizeChangesWhatIsAskedUnderTheSameCeilings) {
  model::Permissions now = permissionsFor(Profile::Moderate);
  now.limits.disk_bytes = 5 * kMiB;
  Wishes asked;
  asked.memory_bytes = by("--memory", 2048 * kMiB);
  asked.pids = by("--pids", 4000U);
  LimitCeilings ceilings;
  ceilings.pids = by("config.toml:3", 1000U);
  ceilings.cpu_percent = by("config.toml:4", 10U);
  const auto resized = resolveResize(now, asked, ceilings);
  ASSERT_TRUE(resized);
  EXPECT_EQ(resized->limits.memory_bytes, 2048 * kMiB);
  EXPECT_TRUE(resized->limits.explicit_memory);
  EXPECT_EQ(resized->limits.pids, 1000U);
  EXPECT_EQ(resized->limits.cpu_percent, now.limits.cpu_percent) << "not asked for";
  EXPECT_EQ(resized->limits.disk_bytes, 5 * kMiB);
  EXPECT_EQ(resized->notes.size(), 1U);

  EXPECT_EQ(resolveResize(permissionsFor(Profile::Restrictive), asked, {})->limits.memory_bytes,
            256 * kMiB);
  asked.memory_bytes = by("--memory", kMiB);
  EXPECT_EQ(resolveResize(now, asked, {}).error().code, ErrorCode::InvalidArgument);
  Wishes disk;
  disk.disk_bytes = by("--disk", 64 * kMiB);
  EXPECT_EQ(resolveResize(now, disk, {}).error().code, ErrorCode::Unsupported);
}

TEST(ProfilesTest, CeilingsBindFlagsAndMakeDefaultsHard) {
  PermissionInputs inputs;
  inputs.ceilings.memory_bytes = by("config.toml:3", 1024 * kMiB);
  inputs.ceilings.cpu_percent = by("config.toml:4", 50U);
  inputs.ceilings.disk_bytes = by("config.toml:5", 10 * kMiB);
  inputs.flags.memory_bytes = by("flag --memory", 2048 * kMiB);
  const auto resolved = resolvePermissions(inputs);
  const model::Limits& limits = resolved->permissions.limits;
  EXPECT_EQ(limits.memory_bytes, 1024 * kMiB);
  EXPECT_EQ(limits.cpu_percent, 50U);
  EXPECT_EQ(limits.disk_bytes, 10 * kMiB);
  EXPECT_TRUE(limits.explicit_memory && limits.explicit_cpu && limits.explicit_disk);
  EXPECT_FALSE(limits.explicit_pids);
  EXPECT_EQ(resolved->notes.size(), 1U) << "a lowered default is not a broken promise";
}

TEST(ProfilesTest, CeilingsReachTheProfileWithoutLimits) {
  PermissionInputs inputs;
  inputs.flags.profile = by("flag --profile", Profile::Permissive);
  inputs.ceilings.memory_bytes = by("config.toml:3", 1024 * kMiB);
  EXPECT_EQ(resolvePermissions(inputs)->permissions.limits.memory_bytes, 1024 * kMiB);
}

TEST(ProfilesTest, LimitsThatNothingCanRunInAreErrors) {
  const auto refused = [](auto set) {
    PermissionInputs inputs;
    set(inputs.flags);
    const auto resolved = resolvePermissions(inputs);
    return !resolved && resolved.error().code == ErrorCode::InvalidArgument &&
           !resolved.error().remedy.empty();
  };
  EXPECT_TRUE(refused([](Wishes& w) { w.memory_bytes = by("f", std::uint64_t{0}); }));
  EXPECT_TRUE(refused([](Wishes& w) { w.memory_bytes = by("f", std::uint64_t{4096}); }));
  EXPECT_TRUE(refused([](Wishes& w) { w.cpu_percent = by("f", 0U); }));
  EXPECT_TRUE(refused([](Wishes& w) { w.cpu_percent = by("f", kMaxCpuPercent + 1); }));
  EXPECT_TRUE(refused([](Wishes& w) { w.pids = by("f", 1U); }));
  EXPECT_TRUE(refused([](Wishes& w) { w.disk_bytes = by("f", std::uint64_t{1}); }));
}

TEST(ProfilesTest, ProxyIsUnsupportedAndTheErrorNamesWhatIs) {
  PermissionInputs inputs;
  inputs.flags.network = by("flag --network", NetworkMode::Proxy);
  const auto resolved = resolvePermissions(inputs);
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().code, ErrorCode::Unsupported);
  EXPECT_THAT(resolved.error().remedy, HasSubstr("none"));
  EXPECT_THAT(resolved.error().remedy, HasSubstr("full"));
}

TEST(ProfilesTest, EveryValueHasAnOrigin) {
  const auto resolved = resolvePermissions({});
  std::vector<std::string> keys;
  for (const Provenance& entry : resolved->origins) {
    EXPECT_FALSE(entry.origin.empty()) << entry.key;
    keys.push_back(entry.key);
  }
  EXPECT_THAT(keys, ElementsAre("profile", "network", "seccomp", "read_only_root", "pass_env",
                                "memory", "cpu", "pids", "disk"));
}

}  // namespace
}  // namespace ak::policy
