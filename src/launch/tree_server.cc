#include "launch/tree_server.h"

#include "model/tree_codec.h"
#include "os/guest_tree.h"
#include "os/user_namespace.h"
#include "sys/unix_socket.h"

namespace ak::launch {

namespace {

using Op = model::TreeRequest::Op;

struct Answer {
  model::TreeReply reply;
  sys::OwnedFd fd;
};

Result<Answer> opened(Result<sys::OwnedFd> fd) {
  return Answer{{true, {}}, AK_TRY(std::move(fd))};
}

Result<Answer> answerTo(const model::TreeRequest& request, int top) {
  switch (request.op) {
    case Op::Handle: {
      std::optional<sys::OwnedFd> fd = AK_TRY(os::openHandleBeneath(top, request.path));
      return fd ? opened(*std::move(fd)) : Answer{};
    }
    case Op::Directory:
      return opened(os::openDirectoryBeneath(top, request.path));
    case Op::File:
      return opened(os::openFileBeneath(top, request.path));
    case Op::Opaque:
      return Answer{{AK_TRY(os::isOpaqueBeneath(top, request.path, os::Overlay::Xattr::User)), {}},
                    {}};
    case Op::Remove:
      AK_TRY(os::removeBeneath(top, request.path));
      return Answer{};
  }
  return fail(ErrorCode::Protocol, "unknown request for a file");
}

}  // namespace

Status serveTree(int socket, int top) {
  (void)AK_TRY(os::enterUserNamespace());
  for (;;) {
    const sys::Packet packet = AK_TRY(sys::receivePacket(socket));
    if (packet.closed) {
      return {};
    }
    const model::TreeRequest request = AK_TRY(model::decodeTreeRequest(packet.data));
    Result<Answer> answer = answerTo(request, top);
    if (!answer) {
      answer = Answer{{false, std::move(answer).error()}, {}};
    }
    std::vector<int> fds;
    if (answer->fd.valid()) {
      fds.push_back(answer->fd.get());
    }
    AK_TRY(sys::sendPacket(socket, encode(answer->reply), fds));
  }
}

}  // namespace ak::launch
