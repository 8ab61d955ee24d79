#include "sys/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace ak::sys {

namespace {

int kindFlag(SocketKind kind) {
  return kind == SocketKind::Stream ? SOCK_STREAM : SOCK_SEQPACKET;
}

Result<sockaddr_un> addressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::InvalidArgument,
                cat("socket path of ", path.size(), " bytes is too long: ", path),
                "Choose a shorter runtime directory (at most 107 bytes in all).");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Status removeOldSocket(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0 && !S_ISSOCK(info.st_mode)) {
    return fail(ErrorCode::AlreadyExists, cat(path, " exists and is not a socket"),
                "Remove it or choose another runtime directory.");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return failErrno(cat("unlink ", path));
  }
  return {};
}

}  // namespace

Result<OwnedFd> listenUnix(const std::string& path, SocketKind kind) {
  const sockaddr_un address = AK_TRY(addressOf(path));
  OwnedFd fd(::socket(AF_UNIX, kindFlag(kind) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) {
    return failErrno("socket");
  }
  AK_TRY(removeOldSocket(path));
  // fchmod on the socket before bind sets the mode that the file will have: no umask race.
  if (::fchmod(fd.get(), 0600) != 0 ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0) {
    return failErrno(cat("listen on ", path));
  }
  return fd;
}

Result<OwnedFd> connectUnix(const std::string& path, SocketKind kind) {
  const sockaddr_un address = AK_TRY(addressOf(path));
  OwnedFd fd(::socket(AF_UNIX, kindFlag(kind) | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return failErrno("socket");
  }
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EINTR) {
      return failErrno(cat("connect to ", path));
    }
  }
  return fd;
}

Result<std::pair<OwnedFd, OwnedFd>> socketPair(SocketKind kind) {
  int fds[2];
  if (::socketpair(AF_UNIX, kindFlag(kind) | SOCK_CLOEXEC, 0, fds) != 0) {
    return failErrno("socketpair");
  }
  return std::pair(OwnedFd(fds[0]), OwnedFd(fds[1]));
}

Status sendPacket(int socket, std::string_view data, const std::vector<int>& fds) {
  if (fds.size() > kMaxFds || data.size() > kMaxPacket) {
    return fail(ErrorCode::TooLarge, "packet over the limit");
  }
  if (fds.empty() && data.empty()) {
    return fail(ErrorCode::InvalidArgument, "an empty packet means that the peer is gone");
  }
  iovec part{const_cast<char*>(data.data()), data.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFds)] = {};
  if (!fds.empty()) {
    const std::size_t size = sizeof(int) * fds.size();
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), fds.data(), size);
  }
  for (;;) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) {
      return {};
    }
    if (errno != EINTR) {
      return failErrno("send packet");
    }
  }
}

Result<Packet> receivePacket(int socket) {
  // The size of the next packet first, so that small packets cost small buffers.
  char probe = 0;
  ssize_t size = 0;
  do {
    size = ::recv(socket, &probe, 1, MSG_PEEK | MSG_TRUNC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    return failErrno("receive packet");
  }
  Packet packet;
  if (static_cast<std::size_t>(size) > kMaxPacket) {
    return fail(ErrorCode::TooLarge, "packet over the limit");
  }
  packet.data.resize(std::max<std::size_t>(static_cast<std::size_t>(size), 1));
  iovec part{packet.data.data(), packet.data.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFds)];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  do {
    size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    return failErrno("receive packet");
  }
  packet.data.resize(static_cast<std::size_t>(size));
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
      const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
        packet.fds.emplace_back(fd);
      }
    }
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return fail(ErrorCode::Protocol, "packet was cut off");
  }
  packet.closed = size == 0 && packet.fds.empty();
  return packet;
}

Result<PeerCredentials> peerCredentials(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return failErrno("peer credentials");
  }
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

}  // namespace ak::sys
