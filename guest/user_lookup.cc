#include "guest/user_lookup.h"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "guest/guest_path.h"
#include "sys/file.h"

namespace ak::guest {

namespace {

constexpr std::size_t kMaxDatabase = 1024 * 1024;
constexpr std::size_t kMaxGroups = 64;
constexpr std::uint32_t kNoId = 0xffffffffU;  // (uid_t)-1 means "unchanged" to the kernel

struct PasswdEntry {
  uid_t uid;
  gid_t gid;
  std::string_view name;
  std::string_view home;
  std::string_view shell;
};

std::optional<std::uint32_t> parseId(std::string_view text) {
  const auto id = parseNumber<std::uint32_t>(text);
  return id && *id != kNoId ? id : std::nullopt;
}

std::optional<PasswdEntry> findUser(std::string_view passwd, std::string_view wanted) {
  const auto number = parseId(wanted);
  std::optional<PasswdEntry> by_number;
  for (const std::string_view line : split(passwd, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 6) {
      continue;
    }
    const auto uid = parseId(fields[2]);
    const auto gid = parseId(fields[3]);
    if (!uid || !gid) {
      continue;
    }
    const std::string_view shell = fields.size() > 6 ? fields[6] : std::string_view();
    const PasswdEntry entry{*uid, *gid, fields[0], fields[5], shell};
    if (entry.name == wanted) {
      return entry;  // a name of digits goes before the number
    }
    if (number && *number == *uid && !by_number) {
      by_number = entry;
    }
  }
  return by_number;
}

std::optional<gid_t> findGroup(std::string_view group, std::string_view wanted) {
  for (const std::string_view line : split(group, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() >= 3 && fields[0] == wanted) {
      return parseId(fields[2]);
    }
  }
  return parseId(wanted);
}

std::vector<gid_t> groupsOf(std::string_view group, std::string_view user) {
  std::vector<gid_t> groups;
  for (const std::string_view line : split(group, '\n')) {
    const auto fields = split(line, ':');
    const auto gid = fields.size() >= 4 ? parseId(fields[2]) : std::nullopt;
    if (gid && groups.size() < kMaxGroups &&
        std::ranges::count(split(trim(fields[3]), ','), user) != 0) {
      groups.push_back(*gid);
    }
  }
  return groups;
}

std::string readDatabase(const std::string& path) {
  const auto file = openRegular(path);
  auto text = file ? sys::readAll(file->get(), kMaxDatabase) : Result<std::string>(std::string());
  // An image without the file, or with nonsense in its place, just has no names.
  return text ? std::move(*text) : std::string();
}

}  // namespace

Result<GuestUser> lookUpUserIn(std::string_view spec,
                               std::string_view passwd,
                               std::string_view group) {
  const std::size_t colon = spec.find(':');
  const std::string_view name = spec.substr(0, colon);
  GuestUser user;
  const auto entry = findUser(passwd, name);
  if (entry) {
    user = {entry->uid, entry->gid, groupsOf(group, entry->name), std::string(entry->home),
            std::string(entry->shell)};
  } else if (const auto uid = parseId(name)) {
    user.uid = *uid;
  } else {
    return fail(ErrorCode::InvalidArgument, cat("no user '", printable(name), "' in the sandbox"),
                "Use a name from the image's /etc/passwd, or a number.");
  }
  if (colon != std::string_view::npos) {
    const auto gid = findGroup(group, spec.substr(colon + 1));
    if (!gid) {
      return fail(ErrorCode::InvalidArgument,
                  cat("no group '", printable(spec.substr(colon + 1)), "' in the sandbox"),
                  "Use a name from the image's /etc/group, or a number.");
    }
    user.gid = *gid;
    user.groups.clear();  // an explicit group stands alone
  }
  return user;
}

Result<GuestUser> lookUpUser(const std::string& spec) {
  const std::string wanted = spec.empty() ? cat(::geteuid(), ":", ::getegid()) : spec;
  return lookUpUserIn(wanted, readDatabase("/etc/passwd"), readDatabase("/etc/group"));
}

}  // namespace ak::guest
