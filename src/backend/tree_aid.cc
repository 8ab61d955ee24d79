#include "backend/tree_aid.h"

#include <sys/socket.h>
#include <sys/time.h>

#include "backend/spawn.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace ak::backend {

namespace {

using Op = model::TreeRequest::Op;

// Removing a large tree takes its time; a helper that hangs must not take a worker for good.
constexpr timeval kPatience{120, 0};

}  // namespace

TreeAid::TreeAid(std::string launcher_program, int top)
    : launcher_program_(std::move(launcher_program)), top_(top) {}

TreeAid::~TreeAid() {
  socket_.reset();  // its end
  if (process_.valid()) {
    (void)sys::waitPidFd(process_.get());
  }
}

Status TreeAid::start() {
  auto [ours, theirs] = AK_TRY(sys::socketPair(sys::SocketKind::SeqPacket));
  if (::setsockopt(ours.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) != 0) {
    return failErrno("setsockopt");
  }
  SpawnRequest request;
  request.argv = {launcher_program_, "--files"};
  request.descriptors = {theirs.get(), top_};
  process_ = AK_TRY(spawnProgram(request)).process;
  socket_ = std::move(ours);
  return {};
}

Result<TreeAid::Answer> TreeAid::exchange(const model::TreeRequest& request) {
  AK_TRY(sys::sendPacket(socket_.get(), encode(request)));
  sys::Packet packet = AK_TRY(sys::receivePacket(socket_.get()));
  if (packet.closed) {
    return fail(ErrorCode::Unavailable, "it has ended");
  }
  model::TreeReply reply = AK_TRY(model::decodeTreeReply(packet.data));
  Answer answer{reply.found, {}, std::move(reply.error)};
  if (!packet.fds.empty()) {
    answer.fd = std::move(packet.fds.front());
  }
  return answer;
}

Result<TreeAid::Answer> TreeAid::ask(Op op, const std::string& path) {
  if (!process_.valid()) {
    AK_TRY(start());
  }
  Result<Answer> answer = exchange({op, path});
  if (!answer) {
    // A late answer must not pass for the next one's.
    socket_.reset();
    return fail(ErrorCode::Unavailable, "the helper for a sandbox's files does not answer",
                "See: agentkernel daemon logs");
  }
  if (answer->error) {
    return std::unexpected(*std::move(answer->error));
  }
  return answer;
}

Result<sys::OwnedFd> TreeAid::open(Op op, const std::string& path) {
  Answer answer = AK_TRY(ask(op, path));
  if (!answer.fd.valid()) {
    return fail(ErrorCode::Protocol, "the helper for a sandbox's files opened nothing");
  }
  return std::move(answer.fd);
}

Result<std::optional<sys::OwnedFd>> TreeAid::handle(const std::string& path) {
  Answer answer = AK_TRY(ask(Op::Handle, path));
  return answer.fd.valid() ? std::optional(std::move(answer.fd)) : std::nullopt;
}

Result<sys::OwnedFd> TreeAid::directory(const std::string& path) {
  return open(Op::Directory, path);
}

Result<sys::OwnedFd> TreeAid::file(const std::string& path) {
  return open(Op::File, path);
}

Result<bool> TreeAid::isOpaque(const std::string& path) {
  return AK_TRY(ask(Op::Opaque, path)).found;
}

Status TreeAid::remove(const std::string& path) {
  AK_TRY(ask(Op::Remove, path));
  return {};
}

}  // namespace ak::backend
