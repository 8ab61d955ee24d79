#pragma once

#include <map>
#include <string>

#include "manager/manager.h"

namespace ak::api::testing {

// Snapshots of nothing: what was asked is kept, and what is answered is made up of it.
class FakeSnapshots final : public manager::Snapshots {
 public:
  explicit FakeSnapshots(std::map<std::string, manager::SandboxView>& sandboxes)
      : sandboxes_(sandboxes) {}

  std::map<std::string, model::SnapshotRecord> taken;
  manager::Pause pause;

  net::Task<Result<Taken>> take(std::string sandbox, std::string name) override {
    if (!sandboxes_.contains(sandbox)) {
      co_return fail(ErrorCode::NotFound, "no such sandbox");
    }
    if (taken.contains(name)) {
      co_return fail(ErrorCode::AlreadyExists, "taken");
    }
    model::SnapshotRecord snapshot;
    snapshot.name = name.empty() ? sandbox + "-20260102" : name;
    snapshot.source = sandboxes_.at(sandbox).record;
    taken[snapshot.name] = snapshot;
    co_return Taken{snapshot, pause};
  }

  net::Task<std::vector<model::SnapshotRecord>> list() override {
    std::vector<model::SnapshotRecord> all;
    for (const auto& [name, snapshot] : taken) {
      all.push_back(snapshot);
    }
    co_return all;
  }

  net::Task<Result<model::SnapshotRecord>> get(std::string name) override {
    if (!taken.contains(name)) {
      co_return fail(ErrorCode::NotFound, "no such snapshot");
    }
    co_return taken.at(name);
  }

  net::Task<Status> remove(std::string name) override {
    co_return taken.erase(name) != 0 ? Status() : fail(ErrorCode::NotFound, "no such snapshot");
  }

  net::Task<Result<manager::SandboxView>> restore(std::string name, std::string as) override {
    if (!taken.contains(name)) {
      co_return fail(ErrorCode::NotFound, "no such snapshot");
    }
    co_return make(taken.at(name).source, as.empty() ? name + "-restored" : as);
  }

  net::Task<Result<Forked>> makeFork(std::string sandbox, std::string child) override {
    if (!sandboxes_.contains(sandbox)) {
      co_return fail(ErrorCode::NotFound, "no such sandbox");
    }
    const manager::SandboxView view = make(sandboxes_.at(sandbox).record, child);
    co_return Forked{view.record.name, view.record.uuid, pause};
  }

 private:
  manager::SandboxView make(model::SandboxRecord record, const std::string& name) {
    record.name = name;
    return sandboxes_[name] = {std::move(record), model::SandboxStatus::Stopped};
  }

  std::map<std::string, manager::SandboxView>& sandboxes_;
};

}  // namespace ak::api::testing
