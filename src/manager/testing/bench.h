#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "backend/fake/fake_backend.h"
#include "base/text.h"
#include "manager/jobs_use.h"
#include "manager/lifecycle.h"
#include "manager/lifetimes.h"
#include "manager/snapshots_use.h"
#include "manager/volumes_use.h"
#include "store/database.h"
#include "sys/random.h"

// For tests: what a manager stands on, with a clock that is moved by hand, the real store, and real
// agents as ordinary processes.
namespace ak::manager::testing {

// One image for everybody: nothing is mounted by the fake backend.
class OneImage final : public image::ImageStore {
 public:
  Result<image::ResolvedImage> resolve(std::string_view reference) override {
    image::ResolvedImage image;
    image.reference = reference;
    image.digest = "sha256:one";
    return image;
  }

  bool hostHasCommand(std::string_view) override { return true; }

  Result<image::ImageInfo> import(const std::string&, const std::string&) override {
    return fail(ErrorCode::Unsupported, "one image is enough");
  }

  Result<std::vector<image::ImageInfo>> list() override { return std::vector<image::ImageInfo>{}; }

  Status remove(std::string_view, const std::vector<std::string>&) override { return {}; }

  Result<image::PruneResult> prune(const std::vector<std::string>&) override {
    return image::PruneResult{};
  }
};

class Bench {
 public:
  // With a directory: it stays, and what is in it, when this ends like a daemon that is killed.
  struct Options {
    std::string directory;
    std::function<void(std::string_view)> at_step;
  };

  Bench() : Bench(Options{}) {}

  explicit Bench(Options options)
      : options_(std::move(options)),
        log_(
            [this](observe::Level, std::string_view component, std::string_view text) {
              lines.push_back(cat(component, ": ", text));
            },
            observe::Level::Info) {
    directory_ = options_.directory.empty() ? freshDirectory() : options_.directory;
    for (const char* part : {"/sandboxes", "/layers", "/volumes", "/b"}) {
      std::filesystem::create_directory(directory_ + part);
    }
    begin();
  }

  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  static std::string freshDirectory() {
    char name[] = "/tmp/ak-manager-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
    return name;
  }

  ~Bench() {
    if (!options_.directory.empty()) {
      end();
      return;
    }
    for (const SandboxPtr& sandbox : lifecycle().table().all()) {
      (void)wait(lifecycle().remove(sandbox));
    }
    end();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  Lifecycle& lifecycle() { return house_->lifecycle; }

  Lifetimes& lifetimes() { return house_->lifetimes; }

  SandboxJobs& jobs() { return house_->jobs; }

  SandboxSnapshots& snapshots() { return house_->snapshots; }

  DaemonVolumes& volumes() { return house_->volumes; }

  const std::string& directory() const { return directory_; }

  net::Executor executor() { return loop_.executor(); }

  template <typename T>
  T wait(net::Task<T> task) {
    return loop_.runUntilDone(std::move(task));
  }

  SandboxPtr make(const std::string& name, model::Notes notes = {}) {
    auto made = tryMake(name, std::move(notes), {});
    if (!made) {
      throw std::runtime_error(made.error().message);
    }
    return *made;
  }

  Result<SandboxPtr> tryMake(const std::string& name,
                             model::Notes notes,
                             std::vector<model::PortMapping> ports) {
    BeginOptions options;
    options.name = name;
    options.durable = true;
    options.notes = std::move(notes);
    Plan plan;
    plan.image = *images_.resolve("one");
    plan.workdir = "/";
    plan.ports = std::move(ports);
    return wait(lifecycle().begin(plan, std::move(options)));
  }

  // As after the daemon's end: sandboxes that run live on. `orderly`: it had time to save.
  enum class End : bool { Killed, Orderly };

  void restartDaemon(End how) {
    if (how == End::Orderly) {
      wait(lifetimes().close());
    }
    end();
    begin();
  }

  // The same, with something done while there is no daemon.
  void withoutDaemon(const std::function<void()>& action) {
    end();
    action();
    begin();
  }

  SandboxPtr find(const std::string& name) {
    const auto found = lifecycle().table().find(name);
    return found ? *found : nullptr;
  }

  // SQL of a saboteur, on a connection of its own.
  void alterDatabase(const std::string& sql) {
    auto database = store::Database::open(directory_ + "/state.db");
    if (!database || !database->execute(sql)) {
      throw std::runtime_error("alter database");
    }
  }

  FakeClock clock;
  std::vector<std::string> lines;  // of the log

 private:
  struct House {
    explicit House(Bench& bench, store::SandboxStore opened)
        : store(std::move(opened)),
          backend(bench.loop_.executor(),
                  backend::FakeOptions{AK_BIN_DIR "/ak-agent", &bench.log_}),
          foundation{bench.loop_.executor(),
                     bench.workers_,
                     bench.store_worker_,
                     bench.clock,
                     bench.random_,
                     backend,
                     bench.images_,
                     store,
                     ids,
                     bench.log_,
                     bench.directory_,
                     bench.directory_,
                     {},
                     nullptr,
                     nullptr,
                     bench.options_.at_step},
          lifecycle(foundation),
          lifetimes(foundation, lifecycle),
          settings(bench.directory_ + "/config.toml", bench.directory_ + "/trust.toml"),
          planner(bench.workers_, bench.images_, settings, {}),
          jobs(foundation, planner, lifecycle, lifetimes),
          snapshots(foundation, lifecycle),
          volumes(foundation, lifecycle.volumes()) {
      foundation.budget.memory_bytes = std::uint64_t{1} << 40U;
      foundation.budget.pids = 1'000'000;
      foundation.budget.descriptors = 1'000'000;
      foundation.budget.disk_bytes = std::uint64_t{1} << 40U;
      foundation.budget.sandboxes = 1000;
    }

    store::SandboxStore store;
    IdRanges ids;
    backend::FakeBackend backend;
    Foundation foundation;
    Lifecycle lifecycle;
    Lifetimes lifetimes;
    UserSettings settings;
    Planner planner;
    SandboxJobs jobs;
    SandboxSnapshots snapshots;
    DaemonVolumes volumes;
  };

  void begin() {
    auto store = store::SandboxStore::open(directory_ + "/state.db");
    if (!store) {
      throw std::runtime_error(store.error().message);
    }
    house_ = std::make_unique<House>(*this, std::move(*store));
    if (const Status recovered = wait(lifecycle().recover()); !recovered) {
      throw std::runtime_error(recovered.error().message);
    }
  }

  void end() {
    wait(house_->snapshots.close());
    wait(house_->lifecycle.close());
    house_.reset();
  }

  const Options options_;
  std::string directory_;
  observe::Log log_;
  net::Loop loop_;
  net::WorkerPool workers_{1};
  net::WorkerPool store_worker_{1};
  sys::KernelRandom random_;
  OneImage images_;
  std::unique_ptr<House> house_;
};

}  // namespace ak::manager::testing
