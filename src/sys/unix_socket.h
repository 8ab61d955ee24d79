#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sys/owned_fd.h"

namespace ak::sys {

enum class SocketKind { Stream, SeqPacket };

// A listening socket at `path`, mode 0600 from the first instant, non-blocking. The path may be at
// most 107 bytes (unix(7)). An old socket file there is replaced: the caller must know by a lock
// that nobody listens. Anything else of that name is AlreadyExists and left alone.
Result<OwnedFd> listenUnix(const std::string& path, SocketKind kind);
Result<OwnedFd> connectUnix(const std::string& path, SocketKind kind);
Result<std::pair<OwnedFd, OwnedFd>> socketPair(SocketKind kind);

// One packet with descriptors (SCM_RIGHTS, at most kMaxFds). For SeqPacket sockets. An empty packet
// without descriptors cannot be told from the peer's end (recv(2)) and is InvalidArgument.
inline constexpr std::size_t kMaxFds = 64;
inline constexpr std::size_t kMaxPacket = std::size_t{512} * 1024;
Status sendPacket(int socket, std::string_view data, const std::vector<int>& fds = {});

struct Packet {
  std::string data;
  std::vector<OwnedFd> fds;
  bool closed = false;  // the peer is gone; data and fds are empty
};

// Waits for one packet on a blocking socket; on a non-blocking one Capacity with EAGAIN.
Result<Packet> receivePacket(int socket);

struct PeerCredentials {
  int pid;
  unsigned uid;
  unsigned gid;
};

Result<PeerCredentials> peerCredentials(int socket);

}  // namespace ak::sys
