#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "backend/backend.h"
#include "net/task_group.h"
#include "observe/log.h"

namespace ak::backend {

struct FakeOptions {
  std::string agent_program;
  const observe::Log* log = nullptr;  // outlives the backend
};

// The real agent as an ordinary process of this host, with no isolation at all: for tests of what
// stands above a backend, on machines where nothing else runs. Never offered to users.
class FakeBackend final : public Backend {
 public:
  FakeBackend(net::Executor executor, FakeOptions options);
  ~FakeBackend() override;

  std::string_view name() const override { return "fake"; }

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

  net::Task<Status> mergeLayers(LayerMerge merge) override;
  net::Task<Result<std::string>> limitVolume(VolumeLimit limit) override;
  net::Task<Status> freeze(std::string id) override;
  net::Task<Status> unfreeze(std::string id) override;

  std::unique_ptr<TreeAid> treeAid(int) override { return nullptr; }

  void onEnded(std::function<void(const Ended&)> handler) override {
    on_ended_ = std::move(handler);
  }

  void warm(const StartRequest&) override {}

  PoolStats poolStats() const override { return {}; }

  net::Task<void> shrinkPool(std::uint32_t) override { co_return; }

  std::uint64_t launcherRestarts() const override { return 0; }

  net::Task<void> close() override;

 private:
  struct Box;

  Result<std::shared_ptr<Box>> track(std::string id,
                                     std::string runtime_directory,
                                     const sys::OwnedFd& process,
                                     bool ours);
  net::Task<void> watch(std::shared_ptr<Box> box);

  net::Executor executor_;
  FakeOptions options_;
  net::TaskGroup tasks_;
  std::unordered_map<std::string, std::shared_ptr<Box>> boxes_;  // shared with watch()
  std::function<void(const Ended&)> on_ended_;
};

}  // namespace ak::backend
