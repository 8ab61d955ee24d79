#include "backend/native/native_backend.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "backend/agent_socket.h"
#include "backend/native/box.h"
#include "backend/native/disk_image.h"
#include "base/text.h"
#include "model/box_codec.h"
#include "net/timeout.h"
#include "sys/process.h"

namespace ak::backend {

namespace {

// linux/capability.h's bits of CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, SETPCAP: all that
// the agent needs in the sandbox's own user namespace (files, users, ending what it started).
constexpr std::uint64_t kAgentCapabilities =
    1U << 0U | 1U << 1U | 1U << 3U | 1U << 5U | 1U << 6U | 1U << 7U | 1U << 8U;

// Links a sandbox's runtime directory to the launcher's id of its box, where the two differ.
constexpr const char* kBoxLink = "/box";

// Also true of a process that nobody has reaped yet, which can still be opened by its pid.
bool hasEnded(int process) {
  pollfd state{process, POLLIN, 0};
  return ::poll(&state, 1, 0) > 0;
}

}  // namespace

NativeBackend::NativeBackend(net::Executor executor, NativeOptions options)
    : executor_(executor),
      options_(std::move(options)),
      launcher_(executor, options_),
      pool_(executor, launcher_, options_, random_),
      tasks_(executor) {
  launcher_.onExited([this](const model::BoxExited& how) { boxExited(how); });
  launcher_.onLost([this] { pool_.forgetAll(); });
}

NativeBackend::~NativeBackend() = default;

Capabilities NativeBackend::capabilities() const {
  Capabilities can;
  can.pool = options_.pool_max != 0;
  can.resize = true;
  can.network_full = true;
  can.volumes = true;
  return can;
}

net::Task<Probe> NativeBackend::probe() {
  Probe probe;
  const auto hello = co_await launcher_.hello();
  if (!hello) {
    probe.reason = hello.error().message;
    probe.remedy = hello.error().remedy;
    co_return probe;
  }
  model::LauncherRequest attempt;
  attempt.op = model::LauncherOp::Try;
  const auto tried = co_await launcher_.call(std::move(attempt));
  if (!tried) {
    probe.reason = tried.error().message;
    probe.remedy = tried.error().remedy;
    co_return probe;
  }
  probe.usable = true;
  probe.isolation = "namespaces";
  probe.rootless_ids = hello->ids.count;
  probe.reason = hello->ids.count == 0 ? "each sandbox has host ids of its own"
                                       : "rootless: all sandboxes share this user's ids";
  for (const model::EnforcedLimit& limit : hello->default_limits) {
    if (limit.by == "unenforced") {
      probe.unenforced.push_back(limit.name);
      probe.remedy = limit.remedy;
    }
  }
  co_return probe;
}

model::BoxSpec NativeBackend::specOf(const StartRequest& request) const {
  model::BoxSpec spec;
  spec.id = request.id;
  spec.ids = launcher_.idsOr(request.ids);
  spec.root = request.root;
  spec.network = request.permissions.network;
  spec.limits = request.permissions.limits;
  spec.base_filter = options_.base_filter;
  spec.agent_capabilities = kAgentCapabilities;
  spec.one_shot = request.one_shot;
  return spec;
}

// What has to be undone when a start fails or is cancelled half-way.
struct NativeBackend::Launch {
  Launch(NativeBackend& backend_, std::string box, std::string directory)
      : backend(backend_), box_id(std::move(box)), runtime_directory(std::move(directory)) {}

  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  ~Launch() {
    if (!done) {
      backend.tasks_.spawn(backend.discardUnfinished(box_id, runtime_directory));
    }
  }

  NativeBackend& backend;
  std::string box_id;
  std::string runtime_directory;
  std::optional<model::IdRange> pool_ids;
  bool done = false;
};

net::Task<Result<Started>> NativeBackend::start(StartRequest request) {
  if (boxes_.contains(request.id)) {
    co_return fail(ErrorCode::Conflict, cat("sandbox ", request.id, " is running"));
  }
  const Pool::Start starting(pool_);
  Launch launch(*this, request.id, request.runtime_directory);
  const sys::OwnedFd listener = AK_CO_TRY(listenForAgent(request.runtime_directory));
  // Before there is an agent: it finds our Hello when it begins, and has answered while the
  // launcher still tells us of it.
  request.rules.can_group = true;  // if the launcher gives the agent a cgroup of its own
  sys::OwnedFd socket = AK_CO_TRY(connectToAgent(request.runtime_directory));
  auto opened = co_await channel::openFirstSession(
      executor_, std::move(socket), std::move(request.agent_key), std::move(request.rules));
  auto agent = AK_CO_TRY(std::move(opened));
  auto launched = co_await this->launch(request, launch, listener.get());
  auto answer = AK_CO_TRY(std::move(launched));
  auto started = AK_CO_TRY(finishStart(request, launch, std::move(answer)));
  started.agent = std::move(agent);
  co_return started;
}

net::Task<Result<LauncherClient::Answer>> NativeBackend::launch(StartRequest& request,
                                                                Launch& launch,
                                                                int listener) {
  const auto hello = co_await launcher_.hello();  // no packet: it was exchanged at connection
  if (!hello) {
    co_return std::unexpected(hello.error());
  }
  if (hello->ids.count == 0) {
    const Status limited = co_await makeDiskImage(executor_, request);
    AK_CO_TRY(limited);
  }
  model::LauncherRequest call;
  call.spec = specOf(request);
  call.identity = model::BoxIdentity{request.hostname, request.workspace, request.volumes};
  // A writable directory on disk belongs to one sandbox, so such a box is never parked; neither is
  // one with a network, whose helper costs 20 MB.
  if (request.may_pool && request.root.writable.path.empty() &&
      request.permissions.network == model::NetworkMode::None) {
    if (auto parked = co_await pool_.claim(call.spec)) {
      model::LauncherRequest claim;
      claim.op = model::LauncherOp::Claim;
      claim.id = parked->id;
      claim.identity = call.identity;
      auto answer = co_await launcher_.call(std::move(claim), {listener});
      if (answer) {
        launch.box_id = parked->id;
        launch.pool_ids = parked->ids;
        co_return answer;
      }
      // A hit that fails costs time, never the start.
      options_.log->warning("pool", cat("claim of ", parked->id, ": ", answer.error().message));
      pool_.drop(*std::move(parked));
    }
  }
  call.op = model::LauncherOp::Start;
  co_return co_await launcher_.call(std::move(call), {listener});
}

Result<Started> NativeBackend::finishStart(const StartRequest& request,
                                           Launch& launch,
                                           LauncherClient::Answer answer) {
  if (answer.fds.empty()) {
    return fail(ErrorCode::Protocol, "ak-launcher started a box without a process");
  }
  Started started;
  started.box = std::move(answer.reply.started);
  started.process = std::move(answer.fds[0]);
  if (answer.fds.size() > 1) {
    started.changes = std::move(answer.fds[1]);
  }
  started.from_pool = launch.pool_ids.has_value();
  started.ids = launch.pool_ids.value_or(launcher_.idsOr(request.ids));
  if (started.from_pool &&
      ::symlink(launch.box_id.c_str(), (request.runtime_directory + kBoxLink).c_str()) != 0) {
    return failErrno("recording the box");
  }
  sys::OwnedFd watched = AK_TRY(started.process.duplicate());
  const auto box = track(request.id, launch.box_id, request.runtime_directory, std::move(watched));
  box->holds_names = request.workspace.mode == model::WorkspaceMode::ReadWrite;
  launch.done = true;
  if (started.from_pool && options_.return_ids) {
    options_.return_ids(request.ids);
  }
  return started;
}

net::Task<Result<std::shared_ptr<channel::Agent>>> NativeBackend::resumeAgent(
    const model::SandboxRecord& record, const std::string& runtime_directory) {
  sys::OwnedFd socket = AK_CO_TRY(connectToAgent(runtime_directory));
  co_return co_await channel::resumeSession(executor_, std::move(socket), record.agent_key,
                                            record.epoch);
}

net::Task<Result<Started>> NativeBackend::reconnect(model::SandboxRecord record,
                                                    std::string runtime_directory) {
  const std::string boot = AK_CO_TRY(sys::bootId());
  if (record.pid <= 0 || record.boot_id != boot) {
    co_return fail(ErrorCode::NotFound, cat("sandbox ", record.name, " does not run"));
  }
  Started started;
  started.process = AK_CO_TRY(sys::openProcess({record.pid, record.start_ticks}));
  // Ours from here on, also when its agent does not answer: no sweep takes it for an orphan, and
  // stop() can end it.
  if (!boxes_.contains(record.uuid)) {
    sys::OwnedFd watched = AK_CO_TRY(started.process.duplicate());
    const auto box = track(record.uuid, boxIdIn(runtime_directory, record.uuid), runtime_directory,
                           std::move(watched));
    const auto hello = co_await launcher_.hello();
    if (!hello || std::ranges::find(hello->live, box->box_id) == hello->live.end()) {
      box->launcher_pid = 0;
    }
  }
  auto resumed = co_await resumeAgent(record, runtime_directory);
  if (!resumed && hasEnded(started.process.get())) {
    co_return fail(ErrorCode::NotFound, cat("sandbox ", record.name, " has ended"));
  }
  started.agent = AK_CO_TRY(std::move(resumed));
  started.ids = record.ids;
  started.box.pid = record.pid;
  started.box.start_ticks = record.start_ticks;
  started.box.limits = record.limits;
  co_return started;
}

std::string NativeBackend::boxIdIn(const std::string& runtime_directory, const std::string& id) {
  char target[128];
  const ssize_t size = ::readlink((runtime_directory + kBoxLink).c_str(), target, sizeof target);
  const std::string box(target, size > 0 ? static_cast<std::size_t>(size) : 0);
  return model::validateBoxId(box) ? box : id;
}

std::shared_ptr<NativeBackend::Box> NativeBackend::track(std::string id,
                                                         std::string box_id,
                                                         std::string runtime_directory,
                                                         sys::OwnedFd process) {
  auto box = std::make_shared<Box>(executor_, std::move(process));
  box->id = std::move(id);
  box->box_id = std::move(box_id);
  box->runtime_directory = std::move(runtime_directory);
  box->launcher_pid = launcher_.pid();
  boxes_[box->id] = box;
  tasks_.spawn(watch(box));
  return box;
}

void NativeBackend::warm(const StartRequest& like) {
  if (like.root.writable.path.empty() && like.permissions.network == model::NetworkMode::None) {
    pool_.warm(specOf(like));
  }
}

net::Task<void> NativeBackend::close() {
  co_await pool_.close();
  tasks_.cancel();
  co_await tasks_.join();
  co_await launcher_.close();
  boxes_.clear();
}

}  // namespace ak::backend
