#include "policy/profiles.h"

#include <array>

#include "base/text.h"
#include "policy/capabilities.h"
#include "policy/limits.h"

namespace ak::policy {

namespace {

using model::NetworkMode;
using model::Profile;
using model::SeccompSet;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

// Upstream's table (numbers and switches) with our differences: no profile mounts the home
// directory or has a network card, the working directory is copy-on-write in all, and the number of
// processes is bounded, since a fork bomb needs no memory worth speaking of.
struct ProfileRow {
  Profile profile;
  bool read_only_root;
  bool pass_environment;
  std::uint64_t memory_bytes;
  std::uint32_t cpu_percent;
  std::uint32_t pids;
  std::uint64_t capabilities;
};

constexpr std::array<ProfileRow, 4> kRows = {{
    {Profile::Permissive, false, true, 0, 0, 4096, kRootlikeCapabilities},
    {Profile::Moderate, false, false, 512 * kMiB, 100, 512, kRootlikeCapabilities},
    {Profile::Restrictive, true, false, 256 * kMiB, 50, 128, 0},
    {Profile::Custom, false, false, 512 * kMiB, 100, 512, kRootlikeCapabilities},
}};

int widthOf(bool value) {
  return value ? 1 : 0;
}

// Sources in order of their word.
constexpr std::size_t kSources = 3;
using Sources = std::array<const Wishes*, kSources>;

template <typename T>
std::string shown(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else {
    return std::string(model::name(value));
  }
}

template <typename T>
MaybeWish<std::uint64_t> widened(const MaybeWish<T>& wish) {
  return wish ? MaybeWish<std::uint64_t>({wish->value, wish->origin}) : std::nullopt;
}

using Amount = MaybeWish<std::uint64_t>;

// The four limits: what they count and what can be asked for at all.
LimitQuestion memoryQuestion(std::uint64_t profile_value, Amount asked, Amount ceiling) {
  return {.key = "memory",
          .unit = LimitQuestion::Unit::Bytes,
          .minimum = kMinMemoryBytes,
          .profile_value = profile_value,
          .asked = std::move(asked),
          .ceiling = std::move(ceiling)};
}

LimitQuestion cpuQuestion(std::uint64_t profile_value, Amount asked, Amount ceiling) {
  return {.key = "cpu",
          .unit = LimitQuestion::Unit::Percent,
          .maximum = kMaxCpuPercent,
          .profile_value = profile_value,
          .asked = std::move(asked),
          .ceiling = std::move(ceiling)};
}

LimitQuestion pidsQuestion(std::uint64_t profile_value, Amount asked, Amount ceiling) {
  constexpr std::uint64_t kMaxPids = 4'194'304;  // PID_MAX_LIMIT, proc(5)
  return {.key = "pids",
          .minimum = kMinPids,
          .maximum = kMaxPids,
          .profile_value = profile_value,
          .asked = std::move(asked),
          .ceiling = std::move(ceiling)};
}

LimitQuestion diskQuestion(std::uint64_t profile_value, Amount asked, Amount ceiling) {
  return {.key = "disk",
          .unit = LimitQuestion::Unit::Bytes,
          .minimum = kMinDiskBytes,
          .profile_value = profile_value,
          .asked = std::move(asked),
          .ceiling = std::move(ceiling)};
}

// Lets the sources speak about one switch after the other.
class Resolver {
 public:
  explicit Resolver(const PermissionInputs& inputs)
      : inputs_(inputs), sources_{&inputs.user, &inputs.project, &inputs.flags} {}

  Result<Resolved> run() {
    pickProfile();
    pick("network", &Wishes::network, &model::Permissions::network, WiderMeans::HigherWidth);
    pick("seccomp", &Wishes::seccomp, &model::Permissions::seccomp, WiderMeans::HigherWidth);
    pick("read_only_root", &Wishes::read_only_root, &model::Permissions::read_only_root,
         WiderMeans::LowerWidth);
    pick("pass_env", &Wishes::pass_environment, &model::Permissions::pass_environment,
         WiderMeans::HigherWidth);
    AK_TRY(checkNetwork());
    AK_TRY(pickLimits());
    resolved_.permissions.workspace = inputs_.workspace;
    return std::move(resolved_);
  }

 private:
  enum class WiderMeans { HigherWidth, LowerWidth };

  void pickProfile() {
    Profile profile = Profile::Moderate;
    std::string origin = "built in";
    for (std::size_t i = 0; i < kSources; ++i) {
      if (const auto& wish = sources_[i]->profile) {
        profile = wish->value;
        origin = wish->origin;
        profile_source_ = i;
      }
    }
    resolved_.permissions = profileDefaults(profile);
    profile_origin_ = cat("profile ", model::name(profile));
    resolved_.origins.push_back({"profile", std::string(model::name(profile)), origin});
  }

  template <typename T>
  void pick(std::string_view key,
            MaybeWish<T> Wishes::* wished,
            T model::Permissions::* field,
            WiderMeans wider_means) {
    T& value = resolved_.permissions.*field;
    const T bound = value;
    const auto is_wider = [&](const T& wish) {
      using model::width;
      const auto measure = [](const T& v) {
        if constexpr (std::is_same_v<T, bool>) {
          return widthOf(v);
        } else {
          return width(v);
        }
      };
      return wider_means == WiderMeans::HigherWidth ? measure(wish) > measure(bound)
                                                    : measure(wish) < measure(bound);
    };
    std::string origin = profile_origin_;
    for (std::size_t i = 0; i < kSources; ++i) {
      const auto& wish = sources_[i]->*wished;
      if (!wish) {
        continue;
      }
      // A profile that was named later, by a stronger word, must not be undone by an older wish.
      if (i < profile_source_ && is_wider(wish->value)) {
        resolved_.notes.push_back(cat(key, " = ", shown(wish->value), " (", wish->origin,
                                      ") was not applied: ", profile_origin_, " is narrower."));
        continue;
      }
      value = wish->value;
      origin = wish->origin;
    }
    resolved_.origins.push_back({std::string(key), shown(value), origin});
  }

  Status checkNetwork() const {
    if (resolved_.permissions.network != NetworkMode::Proxy) {
      return {};
    }
    return fail(ErrorCode::Unsupported, "network 'proxy' does not exist in this build yet",
                "Use network 'none', or 'full' for an interface of its own.");
  }

  // The strongest word for one limit.
  template <typename T>
  MaybeWish<std::uint64_t> asked(MaybeWish<T> Wishes::* wished) const {
    MaybeWish<std::uint64_t> result;
    for (const Wishes* source : sources_) {
      if (const auto& wish = source->*wished) {
        result = {wish->value, wish->origin};
      }
    }
    return result;
  }

  Result<LimitAnswer> limit(LimitQuestion question) {
    question.profile_origin = profile_origin_;
    question.profile_is_ceiling = resolved_.permissions.profile == Profile::Restrictive;
    LimitAnswer answer = AK_TRY(resolveLimit(question, resolved_.notes));
    resolved_.origins.push_back(
        {std::string(question.key), describeLimit(question.unit, answer.value), answer.origin});
    return answer;
  }

  Status pickLimits() {
    model::Limits& limits = resolved_.permissions.limits;
    const LimitAnswer memory = AK_TRY(limit(memoryQuestion(
        limits.memory_bytes, asked(&Wishes::memory_bytes), inputs_.ceilings.memory_bytes)));
    const LimitAnswer cpu = AK_TRY(limit(cpuQuestion(
        limits.cpu_percent, asked(&Wishes::cpu_percent), widened(inputs_.ceilings.cpu_percent))));
    const LimitAnswer pids = AK_TRY(
        limit(pidsQuestion(limits.pids, asked(&Wishes::pids), widened(inputs_.ceilings.pids))));
    const LimitAnswer disk = AK_TRY(limit(
        diskQuestion(limits.disk_bytes, asked(&Wishes::disk_bytes), inputs_.ceilings.disk_bytes)));
    limits = {memory.value,
              static_cast<std::uint32_t>(cpu.value),
              static_cast<std::uint32_t>(pids.value),
              disk.value,
              memory.must_hold,
              cpu.must_hold,
              pids.must_hold,
              disk.must_hold};
    return {};
  }

  const PermissionInputs& inputs_;
  const Sources sources_;
  std::size_t profile_source_ = 0;
  std::string profile_origin_;
  Resolved resolved_;
};

}  // namespace

model::Permissions profileDefaults(Profile profile) {
  const ProfileRow& row = kRows[static_cast<std::size_t>(profile)];
  model::Permissions permissions;
  permissions.profile = row.profile;
  permissions.seccomp = model::seccompSetOf(profile);
  permissions.read_only_root = row.read_only_root;
  permissions.pass_environment = row.pass_environment;
  permissions.capabilities = row.capabilities;
  permissions.limits.memory_bytes = row.memory_bytes;
  permissions.limits.cpu_percent = row.cpu_percent;
  permissions.limits.pids = row.pids;
  return permissions;
}

Result<Resolved> resolvePermissions(const PermissionInputs& inputs) {
  return Resolver(inputs).run();
}

Result<NewLimits> resolveResize(const model::Permissions& now,
                                const Wishes& asked,
                                const LimitCeilings& ceilings) {
  if (asked.disk_bytes) {
    return fail(ErrorCode::Unsupported, "the disk limit of a sandbox is set when it is made",
                "Make a new one with --disk.");
  }
  const model::Limits defaults = profileDefaults(now.profile).limits;
  NewLimits result{now.limits, {}};
  const auto resolve = [&](LimitQuestion question, auto& value, bool& must_hold) -> Status {
    if (!question.asked) {
      return {};
    }
    question.profile_origin = cat("profile ", model::name(now.profile));
    question.profile_is_ceiling = now.profile == Profile::Restrictive;
    const LimitAnswer answer = AK_TRY(resolveLimit(question, result.notes));
    value = static_cast<std::remove_reference_t<decltype(value)>>(answer.value);
    must_hold = answer.must_hold;
    return {};
  };
  model::Limits& limits = result.limits;
  AK_TRY(resolve(memoryQuestion(defaults.memory_bytes, asked.memory_bytes, ceilings.memory_bytes),
                 limits.memory_bytes, limits.explicit_memory));
  AK_TRY(resolve(
      cpuQuestion(defaults.cpu_percent, widened(asked.cpu_percent), widened(ceilings.cpu_percent)),
      limits.cpu_percent, limits.explicit_cpu));
  AK_TRY(resolve(pidsQuestion(defaults.pids, widened(asked.pids), widened(ceilings.pids)),
                 limits.pids, limits.explicit_pids));
  return result;
}

}  // namespace ak::policy
