#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "config/trust.h"

namespace ak::manager {

// The owner's word: config.toml and the trust file, read again when either has changed. A file that
// cannot be read or parsed is an error every time, never an older or an empty version: what it
// restricts would be unknown. Blocking (two stat calls when nothing changed); thread-safe.
class UserSettings {
 public:
  struct Snapshot {
    config::UserConfig config;
    std::vector<config::TrustGrant> grants;
  };

  UserSettings(std::string config_path, std::string trust_path);

  // shared: a request keeps the version that it began with
  Result<std::shared_ptr<const Snapshot>> current();

 private:
  // What tells one version of a file from another.
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    std::uint64_t size = 0;
    bool operator==(const Stamp&) const = default;
  };

  static Result<Stamp> stampOf(const std::string& path);
  Result<std::shared_ptr<const Snapshot>> load() const;

  const std::string config_path_;
  const std::string trust_path_;
  std::mutex mutex_;
  Stamp config_stamp_;
  Stamp trust_stamp_;
  std::shared_ptr<const Snapshot> snapshot_;  // null until first loaded
};

}  // namespace ak::manager
