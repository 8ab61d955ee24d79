#include "manager/user_settings.h"

#include <sys/stat.h>

#include <cerrno>

#include "base/text.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20U;

// "" when there is no such file.
Result<std::string> readIfExists(const std::string& path) {
  Result<std::string> text = sys::readFile(path, kMaxFile);
  if (!text && text.error().sys_errno == ENOENT) {
    return std::string();
  }
  if (!text) {
    const Error& why = text.error();
    return fail(why.code,
                cat("cannot read ", printable(path), ": ",
                    why.sys_errno != 0 ? errnoText(why.sys_errno) : why.message),
                "Nothing is run while your configuration cannot be read: mend the file.");
  }
  return text;
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

UserSettings::UserSettings(std::string config_path, std::string trust_path)
    : config_path_(std::move(config_path)), trust_path_(std::move(trust_path)) {}

Result<UserSettings::Stamp> UserSettings::stampOf(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return Stamp{};
    }
    return failErrno(cat("stat ", path));
  }
  return Stamp{info.st_dev, info.st_ino, nanoseconds(info.st_mtim), nanoseconds(info.st_ctim),
               static_cast<std::uint64_t>(info.st_size)};
}

Result<std::shared_ptr<const UserSettings::Snapshot>> UserSettings::current() {
  const Stamp config_stamp = AK_TRY(stampOf(config_path_));
  const Stamp trust_stamp = AK_TRY(stampOf(trust_path_));
  const std::lock_guard lock(mutex_);
  if (snapshot_ && config_stamp == config_stamp_ && trust_stamp == trust_stamp_) {
    return snapshot_;
  }
  snapshot_ = AK_TRY(load());
  config_stamp_ = config_stamp;
  trust_stamp_ = trust_stamp;
  return snapshot_;
}

Result<std::shared_ptr<const UserSettings::Snapshot>> UserSettings::load() const {
  auto loaded = std::make_shared<Snapshot>();
  const std::string config = AK_TRY(readIfExists(config_path_));
  loaded->config = AK_TRY(config::parseUser(config_path_, config));
  const std::string trust = AK_TRY(readIfExists(trust_path_));
  loaded->grants = AK_TRY(config::parseTrust(trust_path_, trust));
  return std::shared_ptr<const Snapshot>(std::move(loaded));
}

}  // namespace ak::manager
