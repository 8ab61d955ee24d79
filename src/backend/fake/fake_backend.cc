#include "backend/fake/fake_backend.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "backend/agent_socket.h"
#include "backend/spawn.h"
#include "base/text.h"
#include "net/async_fd.h"
#include "net/event.h"
#include "net/timeout.h"
#include "os/layer_merge.h"
#include "sys/process.h"

namespace ak::backend {

namespace {

constexpr std::chrono::seconds kEndLimit{10};

}  // namespace

struct FakeBackend::Box {
  Box(net::Executor executor, sys::OwnedFd pid_fd)
      : process(executor, std::move(pid_fd)), changed(executor) {}

  std::string id;
  std::string runtime_directory;
  net::AsyncFd process;
  net::Event changed;
  std::weak_ptr<channel::Agent> agent;  // the sandbox's owner holds it
  bool ours = true;                     // our child: we reap it
  bool stopping = false;
  bool gone = false;
};

FakeBackend::FakeBackend(net::Executor executor, FakeOptions options)
    : executor_(executor), options_(std::move(options)), tasks_(executor) {}

FakeBackend::~FakeBackend() = default;

Capabilities FakeBackend::capabilities() const {
  Capabilities can;
  can.workspace_rw = false;
  return can;
}

net::Task<Probe> FakeBackend::probe() {
  Probe probe;
  probe.usable = true;
  probe.isolation = "none (fake)";
  probe.reason = "runs the agent as an ordinary process; for tests only";
  probe.unenforced = {"memory", "cpu", "pids", "disk"};
  co_return probe;
}

net::Task<Result<Started>> FakeBackend::start(StartRequest request) {
  if (boxes_.contains(request.id)) {
    co_return fail(ErrorCode::Conflict, cat("sandbox ", request.id, " is running"));
  }
  if (!request.volumes.empty()) {
    co_return fail(ErrorCode::Unsupported, "the fake backend has no volumes",
                   "Leave them out, or use the native backend.");
  }
  const sys::OwnedFd listener = AK_CO_TRY(listenForAgent(request.runtime_directory));
  SpawnRequest program;
  program.argv = {options_.agent_program};
  program.descriptors = {listener.get()};
  Spawned spawned = AK_CO_TRY(spawnProgram(program));
  auto box = AK_CO_TRY(track(request.id, request.runtime_directory, spawned.process, true));
  Started started;
  started.process = std::move(spawned.process);
  started.box.pid = spawned.pid;
  started.box.start_ticks = AK_CO_TRY(sys::processId(spawned.pid)).start_ticks;
  for (const char* limit : {"memory", "cpu", "pids", "disk"}) {
    started.box.limits.push_back({limit, "unenforced", "The fake backend isolates nothing."});
  }
  started.ids = request.ids;
  sys::OwnedFd socket = AK_CO_TRY(connectToAgent(request.runtime_directory));
  auto opened = co_await channel::openFirstSession(
      executor_, std::move(socket), std::move(request.agent_key), std::move(request.rules));
  started.agent = AK_CO_TRY(std::move(opened));
  box->agent = started.agent;
  co_return started;
}

net::Task<Result<Started>> FakeBackend::reconnect(model::SandboxRecord record,
                                                  std::string runtime_directory) {
  Started started;
  started.process = AK_CO_TRY(sys::openProcess({record.pid, record.start_ticks}));
  auto box = boxes_.contains(record.uuid)
                 ? boxes_[record.uuid]
                 : AK_CO_TRY(track(record.uuid, runtime_directory, started.process, false));
  sys::OwnedFd socket = AK_CO_TRY(connectToAgent(runtime_directory));
  auto resumed =
      co_await channel::resumeSession(executor_, std::move(socket), record.agent_key, record.epoch);
  started.agent = AK_CO_TRY(std::move(resumed));
  started.ids = record.ids;
  started.box.pid = record.pid;
  started.box.start_ticks = record.start_ticks;
  started.box.limits = record.limits;
  box->agent = started.agent;
  co_return started;
}

Result<std::shared_ptr<FakeBackend::Box>> FakeBackend::track(std::string id,
                                                             std::string runtime_directory,
                                                             const sys::OwnedFd& process,
                                                             bool ours) {
  auto box = std::make_shared<Box>(executor_, AK_TRY(process.duplicate()));
  box->id = std::move(id);
  box->runtime_directory = std::move(runtime_directory);
  box->ours = ours;
  boxes_[box->id] = box;
  tasks_.spawn(watch(box));
  return box;
}

net::Task<void> FakeBackend::watch(std::shared_ptr<Box> box) {
  co_await box->process.readable();
  Ended ended{box->id, std::nullopt};
  if (box->ours) {
    if (const auto status = sys::waitPidFd(box->process.get())) {
      ended.how = model::BoxExited{box->id, status->code, status->signal, false};
    }
  }
  box->gone = true;
  box->changed.notifyAll();
  if (box->stopping) {
    co_return;
  }
  boxes_.erase(box->id);
  if (on_ended_) {
    on_ended_(ended);
  }
}

net::Task<Status> FakeBackend::stop(std::string id) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end()) {
    co_return Status();
  }
  const auto box = found->second;
  box->stopping = true;
  // Without a pid namespace only the agent knows what it started, so it is asked first.
  if (const auto agent = box->agent.lock(); agent && agent->alive()) {
    (void)co_await agent->shutdown();  // else SIGKILL below
  } else {
    (void)sys::signalPidFd(box->process.get(), SIGKILL);
  }
  auto gone = [&box]() -> net::Task<Status> {
    while (!box->gone) {
      co_await box->changed.wait();
    }
    co_return Status();
  };
  Status ended = co_await net::withTimeout(gone(), kEndLimit, "agent");
  if (!ended) {
    (void)sys::signalPidFd(box->process.get(), SIGKILL);
    ended = co_await net::withTimeout(gone(), kEndLimit, "agent");
  }
  boxes_.erase(box->id);
  const Status removed = removeRuntimeDirectory(box->runtime_directory);
  co_return ended ? removed : ended;
}

net::Task<Result<std::vector<model::EnforcedLimit>>> FakeBackend::resize(std::string,
                                                                         model::Limits) {
  co_return fail(ErrorCode::Unsupported, "the fake backend enforces no limits",
                 "Use the native backend.");
}

net::Task<Result<model::BoxStats>> FakeBackend::stats(std::string) {
  co_return fail(ErrorCode::Unsupported, "the fake backend has no control groups");
}

net::Task<Result<std::vector<std::string>>> FakeBackend::list() {
  std::vector<std::string> ids;
  for (const auto& [id, box] : boxes_) {
    ids.push_back(id);
  }
  co_return ids;
}

net::Task<Result<std::vector<std::string>>> FakeBackend::sweep(std::vector<std::string> keep) {
  std::vector<std::string> removed;
  for (const auto& [id, box] : boxes_) {
    if (std::ranges::find(keep, id) == keep.end()) {
      removed.push_back(id);
    }
  }
  for (const std::string& id : removed) {
    Status ended = co_await stop(id);
    AK_CO_TRY(std::move(ended));
  }
  co_return removed;
}

net::Task<void> FakeBackend::close() {
  tasks_.cancel();
  co_await tasks_.join();
  boxes_.clear();
}

net::Task<Status> FakeBackend::removeFiles(std::string directory) {
  co_return fail(ErrorCode::PermissionDenied, cat("the fake backend may not remove ", directory));
}

net::Task<Status> FakeBackend::mergeLayers(LayerMerge merge) {
  os::LayerMerge here;
  here.layers = std::move(merge.layers);
  here.base = std::move(merge.base);
  here.target = merge.target;
  here.content = merge.content == LayerMerge::Content::Link ? os::LayerMerge::Content::Link
                                                            : os::LayerMerge::Content::Copy;
  here.without = std::move(merge.without);
  here.xattr = ::geteuid() == 0 ? os::Overlay::Xattr::Trusted : os::Overlay::Xattr::User;
  co_return os::mergeLayers(here);
}

net::Task<Result<std::string>> FakeBackend::limitVolume(VolumeLimit) {
  co_return fail(ErrorCode::Unsupported, "the fake backend limits no volume",
                 "Leave the size out.");
}

net::Task<Status> FakeBackend::freeze(std::string) {
  co_return fail(ErrorCode::Unsupported, "the fake backend freezes nothing",
                 "Stop the sandbox first.");
}

net::Task<Status> FakeBackend::unfreeze(std::string) {
  co_return Status();
}

}  // namespace ak::backend
