#include "manager/sandbox_table.h"

#include <algorithm>

#include "base/text.h"
#include "manager/elsewhere.h"

namespace ak::manager {

Status SandboxTable::add(const SandboxPtr& sandbox) {
  const auto& [uuid, name] = std::tie(sandbox->record.uuid, sandbox->record.name);
  if (uuid_of_.contains(name)) {
    return fail(ErrorCode::AlreadyExists, cat("a sandbox named '", name, "' exists"),
                cat("Choose another name, or remove it with: agentkernel rm ", name));
  }
  uuid_of_.emplace(name, uuid);
  by_uuid_.emplace(uuid, sandbox);
  return {};
}

void SandboxTable::remove(const std::string& uuid) {
  const auto found = by_uuid_.find(uuid);
  if (found != by_uuid_.end()) {
    uuid_of_.erase(found->second->record.name);
    by_uuid_.erase(found);
  }
}

Result<SandboxPtr> SandboxTable::find(std::string_view name_or_uuid) const {
  const auto named = uuid_of_.find(name_or_uuid);
  const auto found =
      by_uuid_.find(named != uuid_of_.end() ? std::string_view(named->second) : name_or_uuid);
  if (found != by_uuid_.end()) {
    return found->second;
  }
  std::vector<std::string_view> names;
  for (const auto& [name, uuid] : uuid_of_) {
    names.push_back(name);
  }
  const std::string_view nearest = nearestWord(name_or_uuid, names);
  return fail(ErrorCode::NotFound, cat("no sandbox named '", printable(name_or_uuid), "'"),
              nearest.empty() ? std::string("List what there is with: agentkernel list")
                              : cat("Did you mean '", nearest, "'?"));
}

Result<SandboxPtr> SandboxTable::findRunning(std::string_view name_or_uuid) const {
  SandboxPtr sandbox = AK_TRY(find(name_or_uuid));
  AK_TRY(refuseElsewhere(*sandbox));
  if (sandbox->status != model::SandboxStatus::Running || !sandbox->agent) {
    return fail(ErrorCode::Conflict, cat("sandbox '", sandbox->record.name, "' is not running"),
                cat("Start it with: agentkernel start ", sandbox->record.name));
  }
  return sandbox;
}

SandboxPtr SandboxTable::findByUuid(const std::string& uuid) const {
  const auto found = by_uuid_.find(uuid);
  return found == by_uuid_.end() ? nullptr : found->second;
}

std::vector<SandboxPtr> SandboxTable::all() const {
  std::vector<SandboxPtr> sandboxes;
  sandboxes.reserve(by_uuid_.size());
  for (const auto& [uuid, sandbox] : by_uuid_) {
    sandboxes.push_back(sandbox);
  }
  return sandboxes;
}

std::vector<SandboxPtr> SandboxTable::byName() const {
  std::vector<SandboxPtr> sandboxes;
  sandboxes.reserve(uuid_of_.size());
  for (const auto& [name, uuid] : uuid_of_) {
    sandboxes.push_back(by_uuid_.find(uuid)->second);
  }
  return sandboxes;
}

std::vector<std::string> SandboxTable::liveIds() const {
  std::vector<std::string> ids;
  for (const auto& [uuid, sandbox] : by_uuid_) {
    if (sandbox->status != model::SandboxStatus::Stopped || sandbox->busy) {
      ids.push_back(uuid);
    }
  }
  return ids;
}

std::size_t SandboxTable::running() const {
  return static_cast<std::size_t>(std::ranges::count_if(by_uuid_, [](const auto& entry) {
    return entry.second->status == model::SandboxStatus::Running;
  }));
}

}  // namespace ak::manager
