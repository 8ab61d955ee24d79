#include "model/volume.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace ak::model {

namespace {

constexpr std::size_t kMaxSlug = 63;
constexpr std::size_t kMostShown = 128;

// What the launcher and the agent mount or need, and what is the kernel's.
constexpr std::array<std::string_view, 5> kOurs = {"/proc", "/dev", "/sys", "/run/agentkernel",
                                                   "/workspace"};

bool isAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::unexpected<Error> badMount(std::string_view text) {
  return fail(ErrorCode::InvalidArgument,
              cat("'", printable(text.substr(0, kMostShown)), "' is not a volume in a sandbox"),
              "Write SLUG:/PATH, or SLUG:/PATH:ro for reading only, such as cache:/root/.cache.");
}

}  // namespace

Status validateVolumeSlug(std::string_view slug) {
  const bool good =
      !slug.empty() && slug.size() <= kMaxSlug && isAlphanumeric(slug.front()) &&
      std::ranges::all_of(slug, [](char c) { return isAlphanumeric(c) || c == '-' || c == '_'; });
  if (!good) {
    return fail(ErrorCode::InvalidArgument,
                cat("'", printable(slug.substr(0, kMaxSlug + 1)), "' cannot be a volume's name"),
                "Use 1 to 63 letters, digits, '-' and '_', and begin with a letter or digit.");
  }
  return {};
}

Result<VolumeMount> parseVolumeMount(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3 || (parts.size() == 3 && parts[2] != "ro")) {
    return badMount(text);
  }
  AK_TRY(validateVolumeSlug(parts[0]));
  AK_TRY(validateVolumePath(parts[1]));
  return VolumeMount{std::string(parts[0]), std::string(parts[1]), parts.size() == 3, {}};
}

std::string mountText(const VolumeMount& mount) {
  return cat(mount.slug, ":", mount.path, mount.read_only ? ":ro" : "");
}

bool isAtOrBeneath(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

Status validateVolumePath(std::string_view path) {
  const std::string shown = printable(path.substr(0, kMostShown));
  bool plain = path.size() > 1 && path.size() <= kMaxVolumePath && path.front() == '/' &&
               path.find_first_of(std::string_view("\0\r\n", 3)) == std::string_view::npos;
  for (const std::string_view part : split(path.substr(plain ? 1 : 0), '/')) {
    plain = plain && !part.empty() && part != "." && part != "..";
  }
  if (!plain) {
    return fail(ErrorCode::InvalidArgument, cat("a volume cannot be at '", shown, "'"),
                "Give an absolute path below / without '.', '..' and needless slashes, of at most "
                "255 bytes.");
  }
  for (const std::string_view ours : kOurs) {
    if (isAtOrBeneath(path, ours) || isAtOrBeneath(ours, path)) {
      return fail(ErrorCode::InvalidArgument,
                  cat("a volume cannot be at ", shown, ": ", ours, " is the sandbox's own"),
                  "Choose another path, such as /data.");
    }
  }
  return {};
}

Status validateVolumeMounts(const std::vector<VolumeMount>& mounts) {
  if (mounts.size() > kMaxVolumeMounts) {
    return fail(ErrorCode::TooLarge,
                cat("a sandbox can have at most ", kMaxVolumeMounts, " volumes"),
                "Put what belongs together into one volume.");
  }
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    AK_TRY(validateVolumeSlug(mounts[i].slug));
    AK_TRY(validateVolumePath(mounts[i].path));
    for (std::size_t j = 0; j < i; ++j) {
      if (isAtOrBeneath(mounts[i].path, mounts[j].path) ||
          isAtOrBeneath(mounts[j].path, mounts[i].path)) {
        return fail(ErrorCode::InvalidArgument,
                    cat("volumes '", mounts[j].slug, "' and '", mounts[i].slug,
                        "' would be at or beneath the same path: ", printable(mounts[i].path)),
                    "Give each volume a path of its own, none beneath another's.");
      }
    }
  }
  return {};
}

}  // namespace ak::model
