// Layers of the native backend: boxes that stand still while their files are copied, and the helper
// that copies.
#include <csignal>

#include "backend/native/box.h"
#include "backend/native/native_backend.h"
#include "backend/spawn.h"
#include "base/text.h"
#include "model/tree_codec.h"
#include "net/timeout.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace ak::backend {

namespace {

net::Task<Result<sys::ExitStatus>> ended(std::shared_ptr<net::AsyncFd> process) {
  co_await process->readable();
  co_return sys::waitPidFd(process->get());
}

}  // namespace

net::Task<Status> NativeBackend::mergeLayers(LayerMerge merge) {
  auto [ours, theirs] = AK_CO_TRY(sys::socketPair(sys::SocketKind::SeqPacket));
  SpawnRequest request;
  request.argv = {options_.launcher_program, "--merge",
                  merge.content == LayerMerge::Content::Link ? "link" : "copy",
                  cat(merge.layers.size()), cat(merge.base.size())};
  request.argv.insert(request.argv.end(), merge.without.begin(), merge.without.end());
  request.descriptors = {theirs.get(), merge.target};
  request.descriptors.insert(request.descriptors.end(), merge.layers.begin(), merge.layers.end());
  request.descriptors.insert(request.descriptors.end(), merge.base.begin(), merge.base.end());
  Spawned spawned = AK_CO_TRY(spawnProgram(request));
  theirs.reset();
  const auto process = std::make_shared<net::AsyncFd>(executor_, std::move(spawned.process));
  const auto done = co_await net::withTimeout(ended(process), merge.limit, "copying a layer");
  if (!done) {
    (void)sys::signalPidFd(process->get(), SIGKILL);
    co_await process->readable();
    (void)sys::waitPidFd(process->get());
    co_return std::unexpected(done.error());
  }
  const sys::Packet packet = AK_CO_TRY(sys::receivePacket(ours.get()));
  if (packet.closed) {
    co_return fail(ErrorCode::Unavailable, "the helper for layers ended before its time",
                   "See: agentkernel daemon logs");
  }
  model::TreeReply reply = AK_CO_TRY(model::decodeTreeReply(packet.data));
  co_return reply.error ? Status(std::unexpected(*std::move(reply.error))) : Status();
}

net::Task<Status> NativeBackend::tellBox(model::LauncherOp op, const std::string& id) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end()) {
    co_return fail(ErrorCode::NotFound, cat("sandbox ", id, " does not run"));
  }
  model::LauncherRequest request;
  request.op = op;
  request.id = found->second->box_id;
  const auto answer = co_await launcher_.call(std::move(request));
  if (!answer && answer.error().code == ErrorCode::NotFound) {
    co_return fail(
        ErrorCode::Unsupported,
        "the launcher that made this sandbox is gone, and the present one cannot freeze it",
        "Stop the sandbox first: then nothing is copied.");
  }
  co_return answer ? Status() : std::unexpected(answer.error());
}

net::Task<Status> NativeBackend::freeze(std::string id) {
  co_return co_await tellBox(model::LauncherOp::Freeze, id);
}

net::Task<Status> NativeBackend::unfreeze(std::string id) {
  co_return co_await tellBox(model::LauncherOp::Thaw, id);
}

}  // namespace ak::backend
