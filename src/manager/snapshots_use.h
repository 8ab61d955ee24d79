#pragma once

#include "manager/lifecycle.h"
#include "manager/manager.h"
#include "manager/snapshots.h"
#include "net/task_group.h"

namespace ak::manager {

// Snapshots over Lifecycle (begin and end), the layer keeper (who stands on what) and the store
// (the step that counts).
class SandboxSnapshots final : public Snapshots {
 public:
  SandboxSnapshots(const Foundation& foundation, Lifecycle& lifecycle);

  net::Task<Result<Taken>> take(std::string sandbox, std::string name) override;
  net::Task<std::vector<model::SnapshotRecord>> list() override;
  net::Task<Result<model::SnapshotRecord>> get(std::string name) override;
  net::Task<Status> remove(std::string name) override;
  net::Task<Result<SandboxView>> restore(std::string name, std::string as) override;
  net::Task<Result<Forked>> makeFork(std::string sandbox, std::string child) override;

  // Of a stopped sandbox that the caller has marked busy, what its workspace inherited from frozen
  // layers: all of it, or (with its own changes) what is at these paths.
  net::Task<Status> forgetInherited(SandboxPtr sandbox);
  net::Task<Status> leaveOut(SandboxPtr sandbox, std::vector<std::string> paths);

  net::Task<void> close();

 private:
  // A stack of more layers is merged in the background; one of kMostLayers takes no more.
  static constexpr std::size_t kDeepest = 16;
  static constexpr std::size_t kMostLayers = 64;

  struct Cut;
  struct Shorter;

  net::Task<Result<Taken>> takeNow(SandboxPtr sandbox, std::string name);
  net::Task<Result<Forked>> forkNow(SandboxPtr parent, std::string child);
  net::Task<Result<SandboxPtr>> restoreNow(model::SnapshotRecord snapshot, std::string name);
  net::Task<Status> removeNow(std::string name);
  net::Task<Status> cut(SandboxPtr sandbox, Cut& cut);
  net::Task<Status> copyRunning(SandboxPtr sandbox, Cut& cut);
  net::Task<Status> commit(Cut& cut, store::SandboxStore::LayerStep step);
  net::Task<void> abandon(Cut& cut);
  Result<model::SnapshotRecord> find(const std::string& name) const;
  std::string freshName(const std::string& sandbox) const;
  void step(std::string_view done) const;
  void boundDepth(const model::SandboxRecord& record);
  net::Task<void> squash(model::SandboxRecord of, const char* part);
  net::Task<void> squashNow(model::SandboxRecord of, const char* part);
  net::Task<void> shorten(const Shorter& shorter);
  net::Task<Status> saveWorkspaceLayers(SandboxPtr sandbox, std::vector<std::string> layers);
  net::Task<Status> replaceWorkspace(SandboxPtr sandbox, std::vector<std::string> without);
  net::Task<Status> leaveOutNow(SandboxPtr sandbox, std::vector<std::string> paths);

  const Foundation& foundation_;
  Lifecycle& lifecycle_;
  LayerKeeper& keeper_;
  net::TaskGroup background_;
  unsigned squashing_ = 0;
};

}  // namespace ak::manager
