// How boxes of the native backend end, by themselves, by stop and by sweep.
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "backend/agent_socket.h"
#include "backend/native/box.h"
#include "backend/native/native_backend.h"
#include "backend/spawn.h"
#include "base/text.h"
#include "net/timeout.h"
#include "sys/process.h"

namespace ak::backend {

namespace {

// The launcher reaps and reports in the same instant as the pidfd becomes readable.
constexpr std::chrono::seconds kReportLimit{2};
// From SIGKILL of a namespace's init to the end of the last process: the kernel's work alone.
constexpr std::chrono::seconds kEndLimit{20};

net::Task<Status> until(net::Event& event, const std::function<bool()>& condition) {
  while (!condition()) {
    co_await event.wait();
  }
  co_return Status();
}

}  // namespace

net::Task<void> NativeBackend::watch(std::shared_ptr<Box> box) {
  co_await box->process.readable();
  box->gone = true;
  box->changed.notifyAll();
  if (box->stopping) {
    co_return;  // nobody asks how
  }
  if (!box->how && launcher_.connected()) {
    // A launcher that died tells nothing: the status stays unknown.
    const auto reported = co_await net::withTimeout(
        until(box->changed, [box, this] { return box->how || !launcher_.connected(); }),
        kReportLimit, "end of a box");
    if (!reported) {
      options_.log->warning("native", cat("no report of the end of ", box->box_id));
    }
  }
  if (box->stopping) {
    co_return;  // stop() came meanwhile and does the rest
  }
  if (const auto found = boxes_.find(box->id); found != boxes_.end() && found->second == box) {
    boxes_.erase(found);
  }
  if (const Status freed = co_await freeOrphan(box); !freed) {
    options_.log->warning("native", cat("freeing ", box->box_id, ": ", freed.error().message));
  }
  if (on_ended_) {
    on_ended_(Ended{box->id, box->how});
  }
}

void NativeBackend::boxExited(const model::BoxExited& how) {
  for (auto& [id, box] : boxes_) {
    if (box->box_id == how.id) {
      box->how = how;
      box->changed.notifyAll();
      return;
    }
  }
}

net::Task<Status> NativeBackend::discard(std::string box_id) {
  model::LauncherRequest request;
  request.op = model::LauncherOp::Discard;
  request.id = std::move(box_id);
  const auto answer = co_await launcher_.call(std::move(request));
  if (!answer && answer.error().code != ErrorCode::NotFound) {
    co_return std::unexpected(answer.error());
  }
  co_return Status();
}

net::Task<void> NativeBackend::discardUnfinished(std::string box_id,
                                                 std::string runtime_directory) {
  const Status ended = co_await discard(box_id);
  const Status removed = removeRuntimeDirectory(runtime_directory);
  for (const Status& status : {ended, removed}) {
    if (!status) {
      options_.log->warning("native",
                            cat("undoing the start of ", box_id, ": ", status.error().message));
    }
  }
}

net::Task<Status> NativeBackend::stop(std::string id) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end()) {
    // Ended by itself, or of an earlier daemon: the launcher may still hold something of it.
    const std::string directory = options_.sandboxes_directory + "/" + id;
    const Status ended = co_await discard(boxIdIn(directory, id));
    const Status removed = removeRuntimeDirectory(directory);
    co_return ended ? removed : ended;
  }
  co_return co_await endBox(found->second);
}

net::Task<Status> NativeBackend::endBox(std::shared_ptr<Box> box) {
  box->stopping = true;
  Status ended = co_await discard(box->box_id);
  if (box->gone && !ended && ended.error().code == ErrorCode::Unavailable) {
    ended = Status();  // the launcher died meanwhile: the next one frees what this box has left
  }
  if (!box->gone) {
    // A launcher that does not know the box (its predecessor made it) leaves the process to us: it
    // is init of its pid namespace, so the kernel ends all others with it.
    const Status killed = sys::signalPidFd(box->process.get(), SIGKILL);
    if (!killed && killed.error().code != ErrorCode::NotFound) {
      co_return killed;
    }
    ended = co_await net::withTimeout(until(box->changed, [box] { return box->gone; }), kEndLimit,
                                      cat("ending ", box->box_id));
  }
  if (!ended) {
    box->stopping = false;
    co_return ended;
  }
  if (box->holds_names && !box->how && launcher_.connected()) {
    // The launcher reports when it has taken away what held protected names in the directory.
    const auto reported = co_await net::withTimeout(
        until(box->changed, [box, this] { return box->how || !launcher_.connected(); }),
        kReportLimit, "end of a box");
    if (!reported) {
      options_.log->warning("native", cat("no report of the end of ", box->box_id));
    }
  }
  const Status freed = co_await freeOrphan(box);
  boxes_.erase(box->id);
  const Status removed = removeRuntimeDirectory(box->runtime_directory);
  co_return freed ? removed : freed;
}

net::Task<Result<std::vector<model::EnforcedLimit>>> NativeBackend::resize(std::string id,
                                                                           model::Limits limits) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end()) {
    co_return fail(ErrorCode::NotFound, cat("sandbox ", id, " does not run"));
  }
  model::LauncherRequest request;
  request.op = model::LauncherOp::Resize;
  request.id = found->second->box_id;
  request.limits = limits;
  auto called = co_await launcher_.call(std::move(request));
  auto answer = AK_CO_TRY(std::move(called));
  co_return std::move(answer.reply.started.limits);
}

net::Task<Result<model::BoxStats>> NativeBackend::stats(std::string id) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end()) {
    co_return fail(ErrorCode::NotFound, cat("sandbox ", id, " does not run"));
  }
  model::LauncherRequest request;
  request.op = model::LauncherOp::Stats;
  request.id = found->second->box_id;
  auto called = co_await launcher_.call(std::move(request));
  const auto answer = AK_CO_TRY(std::move(called));
  co_return answer.reply.stats;
}

net::Task<Result<std::vector<std::string>>> NativeBackend::list() {
  std::vector<std::string> ids;
  for (const auto& [id, box] : boxes_) {
    if (!box->gone) {
      ids.push_back(id);
    }
  }
  co_return ids;
}

net::Task<Status> NativeBackend::sweepLauncher(std::unordered_set<std::string> kept_boxes) {
  model::LauncherRequest request;
  request.op = model::LauncherOp::Sweep;
  request.keep.assign(kept_boxes.begin(), kept_boxes.end());
  const auto swept = co_await launcher_.call(std::move(request));
  co_return swept ? Status() : std::unexpected(swept.error());
}

// A box whose launcher is gone leaves its cgroup behind: the present launcher takes it away.
net::Task<Status> NativeBackend::freeOrphan(std::shared_ptr<Box> box) {
  if (box->launcher_pid != 0 && box->launcher_pid == launcher_.pid()) {
    co_return Status();
  }
  std::unordered_set<std::string> kept = pool_.ids();
  for (const auto& [id, other] : boxes_) {
    if (!other->gone) {
      kept.insert(other->box_id);
    }
  }
  co_return co_await sweepLauncher(std::move(kept));
}

net::Task<Result<std::vector<std::string>>> NativeBackend::sweep(std::vector<std::string> keep) {
  for (const auto& [id, box] : boxes_) {
    keep.push_back(id);
  }
  std::unordered_set<std::string> kept_boxes = pool_.ids();
  for (const std::string& id : keep) {
    kept_boxes.insert(boxIdIn(options_.sandboxes_directory + "/" + id, id));
  }
  model::LauncherRequest hello;
  hello.op = model::LauncherOp::Hello;
  hello.version = model::kLauncherVersion;
  auto asked = co_await launcher_.call(std::move(hello));
  auto known = AK_CO_TRY(std::move(asked));
  std::vector<std::string> removed;
  for (const auto* boxes : {&known.reply.live, &known.reply.parked}) {
    for (const std::string& box : *boxes) {
      if (!kept_boxes.contains(box)) {
        Status ended = co_await discard(box);
        AK_CO_TRY(std::move(ended));
      }
    }
  }
  Status swept = co_await sweepLauncher(std::move(kept_boxes));
  AK_CO_TRY(std::move(swept));
  std::error_code error;
  const std::unordered_set<std::string> kept(keep.begin(), keep.end());
  for (const auto& entry :
       std::filesystem::directory_iterator(options_.sandboxes_directory, error)) {
    const std::string id = entry.path().filename();
    if (!kept.contains(id)) {
      AK_CO_TRY(removeRuntimeDirectory(entry.path()));
      removed.push_back(id);
    }
  }
  co_return removed;
}

net::Task<Status> NativeBackend::removeFiles(std::string directory) {
  SpawnRequest request;
  request.argv = {options_.launcher_program, "--remove", directory};
  const auto ended = co_await runProgram(executor_, request);
  const sys::ExitStatus status = AK_CO_TRY(ended);
  if (status != sys::ExitStatus{}) {
    co_return fail(ErrorCode::Internal, cat("ak-launcher could not remove ", directory),
                   "Remove it as root.");
  }
  co_return Status();
}

std::unique_ptr<TreeAid> NativeBackend::treeAid(int top) {
  // Root may all by itself.
  return ::geteuid() == 0 ? nullptr : std::make_unique<TreeAid>(options_.launcher_program, top);
}

}  // namespace ak::backend
