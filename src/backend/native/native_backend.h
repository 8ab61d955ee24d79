#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "backend/backend.h"
#include "backend/native/launcher_client.h"
#include "backend/native/native_options.h"
#include "backend/native/pool.h"
#include "sys/random.h"

namespace ak::backend {

// Sandboxes made of namespaces by ak-launcher. All on the loop; close() before destruction.
class NativeBackend final : public Backend {
 public:
  NativeBackend(net::Executor executor, NativeOptions options);
  ~NativeBackend() override;

  std::string_view name() const override { return "native"; }

  Capabilities capabilities() const override;
  net::Task<Probe> probe() override;
  net::Task<Result<Started>> start(StartRequest request) override;
  net::Task<Result<Started>> reconnect(model::SandboxRecord record,
                                       std::string runtime_directory) override;
  net::Task<Status> stop(std::string id) override;
  net::Task<Result<std::vector<model::EnforcedLimit>>> resize(std::string id,
                                                              model::Limits limits) override;
  net::Task<Result<model::BoxStats>> stats(std::string id) override;
  net::Task<Result<std::vector<std::string>>> list() override;
  net::Task<Result<std::vector<std::string>>> sweep(std::vector<std::string> keep) override;
  net::Task<Status> removeFiles(std::string directory) override;
  std::unique_ptr<TreeAid> treeAid(int top) override;
  net::Task<Status> mergeLayers(LayerMerge merge) override;
  net::Task<Result<std::string>> limitVolume(VolumeLimit limit) override;
  net::Task<Status> freeze(std::string id) override;
  net::Task<Status> unfreeze(std::string id) override;

  void onEnded(std::function<void(const Ended&)> handler) override {
    on_ended_ = std::move(handler);
  }

  void warm(const StartRequest& like) override;

  PoolStats poolStats() const override { return pool_.stats(); }

  net::Task<void> close() override;

  net::Task<void> shrinkPool(std::uint32_t count) override { return pool_.shrink(count); }

  std::int32_t launcherPid() const { return launcher_.pid(); }

  std::uint64_t launcherRestarts() const override { return launcher_.restarts(); }

 private:
  struct Box;
  struct Launch;

  model::BoxSpec specOf(const StartRequest& request) const;
  net::Task<Result<LauncherClient::Answer>> launch(StartRequest& request,
                                                   Launch& launch,
                                                   int listener);
  Result<Started> finishStart(const StartRequest& request,
                              Launch& launch,
                              LauncherClient::Answer answer);
  net::Task<Result<std::shared_ptr<channel::Agent>>> resumeAgent(
      const model::SandboxRecord& record, const std::string& runtime_directory);
  std::shared_ptr<Box> track(std::string id,
                             std::string box_id,
                             std::string runtime_directory,
                             sys::OwnedFd process);
  net::Task<void> watch(std::shared_ptr<Box> box);
  void boxExited(const model::BoxExited& how);
  net::Task<Status> endBox(std::shared_ptr<Box> box);
  net::Task<void> discardUnfinished(std::string box_id, std::string runtime_directory);
  net::Task<Status> discard(std::string box_id);
  net::Task<Status> tellBox(model::LauncherOp op, const std::string& id);
  net::Task<Status> sweepLauncher(std::unordered_set<std::string> kept_boxes);
  net::Task<Status> freeOrphan(std::shared_ptr<Box> box);
  static std::string boxIdIn(const std::string& runtime_directory, const std::string& id);

  net::Executor executor_;
  NativeOptions options_;
  sys::KernelRandom random_;
  LauncherClient launcher_;
  Pool pool_;
  net::TaskGroup tasks_;
  std::unordered_map<std::string, std::shared_ptr<Box>>
      boxes_;  // by sandbox id; shared with watch()
  std::function<void(const Ended&)> on_ended_;
};

}  // namespace ak::backend
