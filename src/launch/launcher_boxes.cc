#include <algorithm>

#include "base/text.h"
#include "launch/launcher.h"
#include "launch/network.h"

// Boxes on their way: from the request that begins one to the answer when it has got there.
namespace ak::launch {

using model::LauncherOp;
using model::LauncherRequest;

namespace {

// A child that takes longer hangs (a dead network file system below a layer).
constexpr std::chrono::seconds kChildTimeout{15};

std::chrono::steady_clock::time_point deadline() {
  return std::chrono::steady_clock::now() + kChildTimeout;
}

}  // namespace

Result<Box*> Launcher::begin(const LauncherRequest& request) {
  const std::string& id = request.spec.id;
  if (boxes_.contains(id)) {
    return fail(ErrorCode::AlreadyExists, cat("box ", id, " exists"));
  }
  Box box = AK_TRY(maker_.begin(request.spec));
  waiting_[id] = {request.op, request.serial, deadline()};
  return &boxes_.emplace(id, std::move(box)).first->second;
}

void Launcher::release(Box& box, const model::BoxIdentity& identity, int listener) {
  const Status released = maker_.release(box, identity, listener);
  if (!released) {
    // A child that has failed by now has said why; a broken connection is only what follows.
    const Status reported = maker_.advance(box);
    failBox(box, waiting_.at(box.id), reported ? released.error() : reported.error());
  }
}

Launcher::Handled Launcher::park(const LauncherRequest& request) {
  (void)AK_TRY(begin(request));
  return std::nullopt;
}

Launcher::Handled Launcher::start(const LauncherRequest& request, std::vector<sys::OwnedFd>& fds) {
  if (fds.size() != 1) {
    return fail(ErrorCode::Protocol, "the agent's listening socket is missing");
  }
  Box* box = AK_TRY(begin(request));
  // While the child sets itself up; its identity waits for it in the socket.
  release(*box, request.identity, fds.front().get());
  return std::nullopt;
}

Launcher::Handled Launcher::claim(const LauncherRequest& request, std::vector<sys::OwnedFd>& fds) {
  if (fds.size() != 1) {
    return fail(ErrorCode::Protocol, "the agent's listening socket is missing");
  }
  Box* box = AK_TRY(find(request.id));
  if (box->state != Box::State::Parked || waiting_.contains(request.id)) {
    return fail(ErrorCode::Conflict, cat("box ", request.id, " is in use"));
  }
  waiting_[request.id] = {request.op, request.serial, deadline()};
  release(*box, request.identity, fds.front().get());
  return std::nullopt;
}

void Launcher::failBox(Box& box, Waiting& waiting, Error error) {
  waiting.failure = std::move(error);
  maker_.kill(box);
}

void Launcher::advance(const std::string& id) {
  const auto at = waiting_.find(id);
  if (at == waiting_.end() || at->second.failure) {
    return;
  }
  Waiting& waiting = at->second;
  Box& box = boxes_.at(id);
  Status advanced = maker_.advance(box);
  if (!advanced) {
    failBox(box, waiting, std::move(advanced).error());
    return;
  }
  const bool parking = waiting.op == LauncherOp::Park;
  if (box.state != (parking ? Box::State::Parked : Box::State::Live)) {
    return;
  }
  Answer there;
  there.reply.op = LauncherOp::Done;
  if (!parking) {
    there.reply.started = {box.pid, box.start_ticks, box.enforced, box.phases};
    Result<sys::OwnedFd> process = box.pidfd.duplicate();
    if (!process) {
      failBox(box, waiting, std::move(process).error());
      return;
    }
    there.fds.push_back(*std::move(process));
    if (box.changes.valid()) {
      there.fds.push_back(std::move(box.changes));
    }
  }
  const Waiting served = std::move(waiting);
  waiting_.erase(at);
  answer(served, std::move(there));
  if (parking && daemon_.valid()) {
    maker_.foresee(box);
  }
}

void Launcher::watchBoxes(std::vector<pollfd>& polled, std::vector<std::string>& ids) const {
  for (const auto& [id, waiting] : waiting_) {
    if (!waiting.failure) {
      const Box& box = boxes_.at(id);
      polled.push_back({box.control.get(), POLLIN, 0});
      polled.push_back({box.network.process.get(), POLLIN, 0});
      ids.push_back(id);
    }
  }
}

void Launcher::serveBoxes(const std::vector<pollfd>& polled, const std::vector<std::string>& ids) {
  const std::size_t first = polled.size() - 2 * ids.size();
  const auto now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (polled[first + 2 * i].revents != 0) {
      advance(ids[i]);
    }
    const auto at = waiting_.find(ids[i]);
    if (at == waiting_.end() || at->second.failure) {
      continue;
    }
    Box& box = boxes_.at(ids[i]);
    if (polled[first + 2 * i + 1].revents != 0) {
      failBox(box, at->second, networkError(box));
    } else if (now >= at->second.deadline) {
      failBox(box, at->second,
              Error::make(ErrorCode::Timeout, "the box did not finish setting up in time"));
    }
  }
}

}  // namespace ak::launch
