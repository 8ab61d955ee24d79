#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "launch/box_record.h"
#include "launch/launcher.h"

// One function per request of the daemon (model/box_codec.h).
namespace ak::launch {

using model::LauncherOp;
using model::LauncherRequest;

Launcher::Handled Launcher::handle(const LauncherRequest& request, std::vector<sys::OwnedFd>& fds) {
  switch (request.op) {
    case LauncherOp::Hello:
      return hello(request);
    case LauncherOp::Start:
      return start(request, fds);
    case LauncherOp::Park:
      return park(request);
    case LauncherOp::Claim:
      return claim(request, fds);
    case LauncherOp::Discard:
      return discard(request);
    case LauncherOp::Resize:
      return resize(request);
    case LauncherOp::Stats:
      return stats(request);
    case LauncherOp::Sweep:
      return sweep(request);
    case LauncherOp::Try:
      return tryNamespaces();
    case LauncherOp::Freeze:
      return freeze(request);
    case LauncherOp::Thaw:
      return thaw(request);
    case LauncherOp::Exited:
    case LauncherOp::Failed:
    case LauncherOp::Done:
      break;
  }
  return fail(ErrorCode::Protocol, "not a request");
}

namespace {

model::LauncherReply done() {
  model::LauncherReply reply;
  reply.op = LauncherOp::Done;
  return reply;
}

}  // namespace

Result<Launcher::Answer> Launcher::hello(const LauncherRequest&) {
  Answer answer{done(), {}};
  answer.reply.op = LauncherOp::Hello;
  answer.reply.version = model::kLauncherVersion;
  answer.reply.launcher_pid = ::getpid();
  answer.reply.ids = {host_.rootless() ? host_.rootlessBase() : 0, host_.rootlessIds()};
  // Numbers that nobody asked for: what would hold a profile's.
  const model::Limits defaults{.memory_bytes = 1, .cpu_percent = 1, .pids = 1};
  answer.reply.default_limits = AK_TRY(host_.cgroups().judge(defaults));
  for (const auto& [id, box] : boxes_) {
    (box.state == Box::State::Live ? answer.reply.live : answer.reply.parked).push_back(id);
  }
  return answer;
}

Result<Launcher::Answer> Launcher::tryNamespaces() {
  AK_TRY(BoxMaker::tryNamespaces());
  return Answer{done(), {}};
}

Result<Box*> Launcher::find(const std::string& id) {
  const auto at = boxes_.find(id);
  if (at == boxes_.end()) {
    return fail(ErrorCode::NotFound, cat("no box ", printable(id)));
  }
  return &at->second;
}

Result<Launcher::Answer> Launcher::discard(const LauncherRequest& request) {
  const Result<Box*> box = find(request.id);
  if (box) {
    maker_.kill(**box);
  }
  return Answer{done(), {}};
}

Result<Launcher::Answer> Launcher::resize(const LauncherRequest& request) {
  Box* box = AK_TRY(find(request.id));
  Answer answer{done(), {}};
  answer.reply.started.limits = AK_TRY(host_.cgroups().judge(request.limits));
  AK_TRY(box->cgroup.changeLimits(request.limits, box->limits));
  box->limits = request.limits;
  return answer;
}

Result<Launcher::Answer> Launcher::stats(const LauncherRequest& request) {
  const Box* box = AK_TRY(find(request.id));
  Answer answer{done(), {}};
  answer.reply.stats = box->cgroup.stats();
  return answer;
}

Result<Launcher::Answer> Launcher::sweep(const LauncherRequest& request) {
  Answer answer{done(), {}};
  for (const std::string& id : recordedBoxes(host_.runtime())) {
    if (boxes_.contains(id) || std::ranges::find(request.keep, id) != request.keep.end()) {
      continue;
    }
    killRecorded(host_.runtime(), id);
    Reservation::release(host_.runtime(), id);
    if (!sweepOne(id) && std::ranges::find(sweeping_, id) == sweeping_.end()) {
      sweeping_.push_back(id);
    }
    answer.reply.removed.push_back(id);
  }
  return answer;
}

namespace {

// The loop stands still meanwhile; a process that cannot be stopped in this time waits for a disk.
constexpr std::chrono::milliseconds kFreezeLimit{500};

}  // namespace

Result<Launcher::Answer> Launcher::freeze(const LauncherRequest& request) {
  Box* box = AK_TRY(find(request.id));
  AK_TRY(box->cgroup.freeze(kFreezeLimit));
  box->thaws = std::chrono::steady_clock::now() + model::kLongestFreeze;
  return Answer{done(), {}};
}

Result<Launcher::Answer> Launcher::thaw(const LauncherRequest& request) {
  Box* box = AK_TRY(find(request.id));
  if (!box->thaws) {
    return fail(ErrorCode::Timeout, "copying took longer than a sandbox may be frozen",
                "Stop the sandbox first: then nothing is copied.");
  }
  box->cgroup.thaw();
  box->thaws.reset();
  return Answer{done(), {}};
}

// What is still dying keeps its record: for the loop's next turn, or for the next launcher.
bool Launcher::sweepOne(const std::string& id) {
  if (!host_.cgroups().sweep(id)) {
    return false;
  }
  forgetBox(host_.runtime(), id);
  return true;
}

}  // namespace ak::launch
