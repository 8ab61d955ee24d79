#pragma once

#include <atomic>
#include <future>
#include <map>
#include <string>
#include <vector>

#include "api/testing/fake_files.h"
#include "api/testing/fake_jobs.h"
#include "api/testing/fake_snapshots.h"
#include "api/testing/fake_volumes.h"
#include "base/text.h"
#include "manager/manager.h"
#include "net/loop.h"

namespace ak::api::testing {

// Stands in for the manager where only the API's translation is tested. Commands are words that it
// acts out on the sink; nothing is isolated and nothing is kept but a map of names.
//   print TEXT | fail CODE TEXT | bytes | flood KIB | cat | wait | split | broken
class FakeManager final : public manager::Manager {
 public:
  std::atomic<int> waiting{0};  // commands that have come to wait for their client
  std::promise<manager::ExecSink::Input::Kind> ended;
  std::promise<void> left;  // a reader of a log has been noticed to be gone
  std::map<std::string, manager::SandboxView> sandboxes;
  FakeFiles fake_files;
  FakeJobs fake_jobs;
  FakeSnapshots fake_snapshots{sandboxes};
  FakeVolumes fake_volumes;
  model::RunRequest last_run;
  std::vector<std::string> last_paths;
  manager::SandboxUpdate last_update;
  manager::CollectRequest last_collect;
  model::AskedLimits last_limits;
  std::uint64_t last_seconds = 0;
  std::uint64_t usage_asked = 0;
  std::string last_reason;
  manager::ApplyForce last_force = manager::ApplyForce::No;
  std::vector<model::Change> written{{model::Change::Kind::Added, "new.txt", 3, 0100644},
                                     {model::Change::Kind::Deleted, "caf\xe9", 0, 0}};

  void awaitWaiting(int commands) {
    for (int now = waiting; now < commands; now = waiting) {
      waiting.wait(now);
    }
  }

  net::Task<Result<manager::RunResult>> run(manager::Caller,
                                            model::RunRequest request,
                                            manager::ExecSink& sink) override {
    last_run = request;
    return act(std::move(request.command), sink);
  }

  net::Task<Result<manager::StateImported>> importState(
      manager::Caller, manager::StateImportRequest request) override {
    manager::StateImported imported;
    imported.dry_run = request.dry_run;
    imported.imported.push_back({"box", "u", "docker", {"A note."}});
    imported.skipped.push_back({"old", "it is here already"});
    imported.refused.push_back({"x.json", "'name' is missing", "", request.directory});
    co_return imported;
  }

  net::Task<Result<manager::RunResult>> exec(manager::Caller,
                                             std::string name,
                                             model::ExecRequest request,
                                             manager::ExecSink& sink) override {
    if (!sandboxes.contains(name)) {
      co_return missing(name);
    }
    co_return co_await act(std::move(request.command), sink);
  }

  net::Task<Result<manager::SandboxView>> create(manager::Caller,
                                                 model::RunRequest request) override {
    if (sandboxes.contains(request.name)) {
      co_return fail(ErrorCode::AlreadyExists, cat("a sandbox named '", request.name, "' exists"),
                     "Choose another name.");
    }
    manager::SandboxView view;
    view.status = model::SandboxStatus::Running;
    view.record.name = request.name;
    view.record.uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
    view.record.image = request.image.empty() ? "host" : request.image;
    view.record.image_digest = "sha256:used";
    view.record.backend = "fake";
    view.record.agent_key = "never to be shown";
    view.record.labels = request.notes.labels;
    view.record.description = request.notes.description;
    view.record.lifetime = model::lifetimeFrom(*parseTime("2026-01-02T03:04:05Z"),
                                               request.notes.ttl_seconds, request.notes.lifecycle);
    view.record.ports = request.ports;
    for (model::PortMapping& port : view.record.ports) {
      port.host = port.automatic ? std::uint16_t{49153} : port.host;
    }
    view.record.permissions.limits.memory_bytes = request.memory_bytes.value_or(0);
    view.record.permissions.limits.cpu_percent = request.cpu_percent.value_or(0);
    sandboxes[request.name] = view;
    co_return view;
  }

  net::Task<Result<manager::SandboxView>> start(std::string name) override {
    return change(std::move(name), model::SandboxStatus::Running);
  }

  net::Task<Result<manager::SandboxView>> stop(std::string name) override {
    return change(std::move(name), model::SandboxStatus::Stopped);
  }

  net::Task<Status> remove(std::string name) override {
    if (sandboxes.erase(name) == 0) {
      co_return missing(name);
    }
    co_return Status{};
  }

  net::Task<std::vector<manager::SandboxView>> list(manager::LabelFilter labels) override {
    std::vector<manager::SandboxView> all;
    for (const auto& [name, view] : sandboxes) {
      if (model::matches(view.record.labels, labels)) {
        all.push_back(view);
      }
    }
    co_return all;
  }

  net::Task<Result<manager::SandboxView>> update(std::string name,
                                                 manager::SandboxUpdate update) override {
    last_update = std::move(update);
    return get(std::move(name));
  }

  net::Task<Result<manager::Resized>> resize(std::string name, model::AskedLimits limits) override {
    last_limits = limits;
    auto view = co_await get(std::move(name));
    manager::SandboxView found = AK_CO_TRY(std::move(view));
    co_return manager::Resized{std::move(found), true, {"a hint."}};
  }

  net::Task<Result<manager::SandboxView>> extend(std::string name, std::uint64_t seconds) override {
    last_seconds = seconds;
    return get(std::move(name));
  }

  net::Task<Result<manager::SandboxView>> archive(std::string name, std::string reason) override {
    last_reason = std::move(reason);
    return change(std::move(name), model::SandboxStatus::Archived);
  }

  net::Task<Result<manager::SandboxView>> unarchive(std::string name) override {
    return change(std::move(name), model::SandboxStatus::Stopped);
  }

  net::Task<std::vector<manager::Usage>> usage() override {
    usage_asked += 100'000;
    co_return std::vector<manager::Usage>{
        {"a", "u-a", {.memory_bytes = 5 << 20, .cpu_usec = usage_asked, .pids = 3}, {.pids = 64}}};
  }

  net::Task<manager::Collected> collect(manager::CollectRequest request) override {
    manager::Collected result{request.dry_run, {"old"}, {}};
    result.failures.push_back({"stuck", Error::make(ErrorCode::Internal, "it will not end")});
    last_collect = std::move(request);
    co_return result;
  }

  net::Task<manager::Reconciled> reconcile(bool dry_run) override {
    using enum policy::LifecycleAction;
    co_return manager::Reconciled{
        dry_run,
        {{"a", Stop, "inactive for 12s (threshold=10s)"}, {"b", Archive, "x"}, {"c", Delete, "y"}},
        {}};
  }

  net::Task<Result<manager::SandboxView>> get(std::string name) override {
    for (const auto& [key, view] : sandboxes) {
      if (key == name || view.record.uuid == name) {
        co_return view;
      }
    }
    co_return missing(name);
  }

  net::Task<Result<std::string>> logs(std::string) override {
    co_return "{\"type\":\"started\"}\nplain \xff text\n";
  }

  // Two pieces, then the end of "a"; any other goes on until it is cancelled.
  net::Task<Result<std::string>> followLogs(std::string name, manager::LogSink sink) override {
    for (const char* piece : {"first\n", "caf\xc3"}) {
      const Status taken = co_await sink(piece);
      AK_CO_TRY(taken);
    }
    if (name == "a") {
      const Status taken = co_await sink("\xa9\n");
      AK_CO_TRY(taken);
      co_return "its command ended with code 0";
    }
    ++waiting;
    waiting.notify_all();
    try {
      co_await net::sleepFor(std::chrono::hours(1));
    } catch (...) {
      left.set_value();
      throw;
    }
    co_return "";
  }

  net::Task<Result<std::vector<model::Change>>> changes(std::string,
                                                        std::vector<std::string>) override {
    co_return written;
  }

  net::Task<Result<std::string>> diff(std::string, std::vector<std::string> paths) override {
    last_paths = std::move(paths);
    co_return "--- a\n+++ b\n+caf\xe9\n";
  }

  net::Task<Result<std::vector<model::Change>>> apply(std::string,
                                                      std::vector<std::string> paths,
                                                      manager::ApplyForce force) override {
    last_paths = std::move(paths);
    last_force = force;
    co_return written;
  }

  net::Task<Status> discard(std::string, std::vector<std::string> paths) override {
    last_paths = std::move(paths);
    co_return Status{};
  }

  net::Task<Result<std::vector<manager::VerifyCheck>>> verify(std::string) override {
    co_return std::vector<manager::VerifyCheck>{{"no_capabilities", true, "CapEff is 0"},
                                                {"no_network", false, "eth0 is there"}};
  }

  manager::Files& files() override { return fake_files; }

  manager::Jobs& jobs() override { return fake_jobs; }

  manager::Snapshots& snapshots() override { return fake_snapshots; }

  manager::Volumes& volumes() override { return fake_volumes; }

  manager::Overview overview() const override {
    manager::Overview overview;
    overview.backend = "fake";
    overview.known = sandboxes.size();
    return overview;
  }

 private:
  static std::unexpected<Error> missing(const std::string& name) {
    return fail(ErrorCode::NotFound, cat("Sandbox not found: ", name),
                "List them with: agentkernel list");
  }

  net::Task<Result<manager::SandboxView>> change(std::string name, model::SandboxStatus status) {
    const auto found = sandboxes.find(name);
    if (found == sandboxes.end()) {
      co_return missing(name);
    }
    found->second.status = status;
    co_return found->second;
  }

  net::Task<Result<manager::RunResult>> act(std::vector<std::string> command,
                                            manager::ExecSink& sink) {
    manager::RunResult result;
    result.sandbox = "run-1";
    result.uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
    if (command[0] == "broken") {
      co_return fail(ErrorCode::CommandNotFound, "no such command", "Install it.");
    }
    if (command[0] == "throws") {
      throw std::runtime_error("a bug");
    }
    const manager::ExecSink::Started begun{"run-1",     result.uuid,    "host",
                                           {"a hint."}, {"a warning."}, true};
    Status sent = co_await sink.started(begun);
    if (sent) {
      sent = co_await play(command, sink, result.outcome);
    }
    if (!sent) {
      result.outcome.killed = true;
      result.outcome.exit_code = 137;
    }
    co_return result;
  }

  net::Task<Status> play(const std::vector<std::string>& command,
                         manager::ExecSink& sink,
                         model::ExecOutcome& outcome) {
    if (command[0] == "print") {
      co_return co_await sink.standardOutput(command[1]);
    }
    if (command[0] == "fail") {
      outcome.exit_code = parseNumber<int>(command[1]).value_or(1);
      co_return co_await sink.standardError(command[2]);
    }
    if (command[0] == "bytes") {
      co_return co_await sink.standardOutput("ok \xff\xfe ok");
    }
    if (command[0] == "split") {
      for (std::string_view piece : {"\xe2", "\x82", "\xac", " and \xe2\x82"}) {
        if (Status sent = co_await sink.standardOutput(piece); !sent) {
          co_return sent;
        }
      }
      co_return Status{};
    }
    if (command[0] == "flood") {
      const std::string piece(1024, 'x');
      for (int i = parseNumber<int>(command[1]).value_or(0); i > 0; --i) {
        if (Status sent = co_await sink.standardOutput(piece); !sent) {
          ended.set_value(manager::ExecSink::Input::Kind::Closed);
          co_return sent;
        }
      }
      co_return Status{};
    }
    if (command[0] == "cat" || command[0] == "wait") {
      co_return co_await converse(sink, outcome);
    }
    co_return Status{};
  }

  net::Task<Status> converse(manager::ExecSink& sink, model::ExecOutcome& outcome) {
    using Kind = manager::ExecSink::Input::Kind;
    ++waiting;
    waiting.notify_all();
    while (true) {
      const manager::ExecSink::Input input = co_await sink.nextInput();
      switch (input.kind) {
        case Kind::Stdin:
          (void)co_await sink.standardOutput(input.data);
          break;
        case Kind::Resize:
          (void)co_await sink.standardError(cat(input.window.rows, 'x', input.window.columns));
          break;
        case Kind::Signal:
          outcome.signal = input.signal;
          outcome.exit_code = 128 + input.signal;
          ended.set_value(input.kind);
          co_return Status{};
        case Kind::StdinEnd:
        case Kind::Closed:
          ended.set_value(input.kind);
          co_return Status{};
      }
    }
  }
};

}  // namespace ak::api::testing
