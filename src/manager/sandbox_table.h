#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manager/sandbox.h"

namespace ak::manager {

// All sandboxes that the daemon knows, one-shot runs included, by uuid and by name.
class SandboxTable {
 public:
  // AlreadyExists when the name is taken.
  Status add(const SandboxPtr& sandbox);
  void remove(const std::string& uuid);

  // By name, else by uuid. NotFound names the nearest known name.
  Result<SandboxPtr> find(std::string_view name_or_uuid) const;
  // Likewise; Conflict for one that does not run.
  Result<SandboxPtr> findRunning(std::string_view name_or_uuid) const;
  SandboxPtr findByUuid(const std::string& uuid) const;  // null when unknown

  bool hasName(std::string_view name) const { return uuid_of_.contains(name); }

  std::vector<SandboxPtr> all() const;  // oldest first (uuids are time-ordered)
  std::vector<SandboxPtr> byName() const;
  std::vector<std::string> liveIds() const;
  std::size_t running() const;

  std::size_t size() const { return by_uuid_.size(); }

 private:
  std::map<std::string, SandboxPtr, std::less<>> by_uuid_;
  std::map<std::string, std::string, std::less<>> uuid_of_;
};

}  // namespace ak::manager
