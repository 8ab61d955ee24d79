#pragma once

#include "manager/manager.h"
#include "observe/metrics.h"

namespace ak::manager {

// A manager whose use cases are counted: how often sandboxes and commands begin and end, how long
// that takes, and what fails. It changes nothing else. References outlive it.
class MeteredManager final : public Manager {
 public:
  MeteredManager(Manager& inner, observe::Metrics& metrics, const Clock& clock)
      : inner_(inner), metrics_(metrics), clock_(clock) {}

  net::Task<Result<RunResult>> run(Caller caller,
                                   model::RunRequest request,
                                   ExecSink& sink) override;
  net::Task<Result<RunResult>> exec(Caller caller,
                                    std::string name,
                                    model::ExecRequest request,
                                    ExecSink& sink) override;
  net::Task<Result<SandboxView>> create(Caller caller, model::RunRequest request) override;
  net::Task<Result<SandboxView>> start(std::string name) override;
  net::Task<Result<SandboxView>> stop(std::string name) override;
  net::Task<Status> remove(std::string name) override;

  net::Task<Result<SandboxView>> update(std::string name, SandboxUpdate update) override {
    return inner_.update(std::move(name), std::move(update));
  }

  net::Task<Result<Resized>> resize(std::string name, model::AskedLimits limits) override {
    return inner_.resize(std::move(name), limits);
  }

  net::Task<Result<SandboxView>> extend(std::string name, std::uint64_t seconds) override {
    return inner_.extend(std::move(name), seconds);
  }

  net::Task<Result<SandboxView>> archive(std::string name, std::string reason) override {
    return inner_.archive(std::move(name), std::move(reason));
  }

  net::Task<Result<SandboxView>> unarchive(std::string name) override {
    return inner_.unarchive(std::move(name));
  }

  net::Task<Collected> collect(CollectRequest request) override {
    return inner_.collect(std::move(request));
  }

  net::Task<Reconciled> reconcile(bool dry_run) override { return inner_.reconcile(dry_run); }

  net::Task<std::vector<SandboxView>> list(LabelFilter labels) override {
    return inner_.list(std::move(labels));
  }

  net::Task<Result<SandboxView>> get(std::string name_or_uuid) override {
    return inner_.get(std::move(name_or_uuid));
  }

  net::Task<std::vector<Usage>> usage() override { return inner_.usage(); }

  net::Task<Result<std::string>> logs(std::string name) override {
    return inner_.logs(std::move(name));
  }

  net::Task<Result<std::string>> followLogs(std::string name, LogSink sink) override {
    return inner_.followLogs(std::move(name), std::move(sink));
  }

  net::Task<Result<StateImported>> importState(Caller caller, StateImportRequest request) override {
    return inner_.importState(caller, std::move(request));
  }

  net::Task<Result<std::vector<model::Change>>> changes(std::string name,
                                                        std::vector<std::string> paths) override {
    return inner_.changes(std::move(name), std::move(paths));
  }

  net::Task<Result<std::string>> diff(std::string name, std::vector<std::string> paths) override {
    return inner_.diff(std::move(name), std::move(paths));
  }

  net::Task<Result<std::vector<model::Change>>> apply(std::string name,
                                                      std::vector<std::string> paths,
                                                      ApplyForce protected_too) override {
    return inner_.apply(std::move(name), std::move(paths), protected_too);
  }

  net::Task<Status> discard(std::string name, std::vector<std::string> paths) override {
    return inner_.discard(std::move(name), std::move(paths));
  }

  net::Task<Result<std::vector<VerifyCheck>>> verify(std::string name) override {
    return inner_.verify(std::move(name));
  }

  Files& files() override { return inner_.files(); }

  Jobs& jobs() override { return inner_.jobs(); }

  Snapshots& snapshots() override { return inner_.snapshots(); }

  Volumes& volumes() override { return inner_.volumes(); }

  Overview overview() const override { return inner_.overview(); }

 private:
  void happened(std::string_view action, std::chrono::nanoseconds took);
  void failed(std::string_view operation, const Error& error);
  void commandEnded(std::chrono::nanoseconds took);
  template <typename T>
  net::Task<Result<T>> timed(std::string_view action, net::Task<Result<T>> work);

  Manager& inner_;
  observe::Metrics& metrics_;
  const Clock& clock_;
};

}  // namespace ak::manager
