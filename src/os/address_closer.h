#pragma once

#include <cstddef>
#include <span>

#include "os/route.h"

namespace ak::os {

// Keeps the addresses of one network namespace out of reach of another (closeAddress), those that
// it has and those that come, for as long as somebody calls serve(). Loopback's are left out: they
// are the other namespace's own; and so are link-local ones of IPv6, which no route can close.
//
// What was closed stays closed when the address goes: a guest must not win by waiting. Each is kept
// in `room`, which outlives this; one more than it holds is ENOSPC.
//
// Child-safe: 0 or an errno. After an error the other namespace must not be used any longer. The
// sockets are closed on exec; nothing else ends them.
class AddressCloser {
 public:
  explicit AddressCloser(std::span<Address> room) : closed_(room) {}

  // First, in the namespace whose addresses they are, which may then be left. No right is needed.
  int watch();

  // Then, in the other namespace: closes `more` and all that the first one has by now. Needs
  // CAP_NET_ADMIN there, and so does serve(): it is asked of the sender of each request
  // (netlink_net_capable).
  int begin(const Address* more, std::size_t count);

  // Readable when serve() has something to do.
  int fd() const { return news_; }

  // Closes what has come since; waits for nobody. Lost news (ENOBUFS) are made good by a list.
  int serve();

 private:
  int list();
  int listOnce(bool& whole);
  int take(const char* data, std::size_t size);
  int close(const Address& address);

  int news_ = -1;
  int lists_ = -1;   // not the one for news: a list must not be cut short by those
  int routes_ = -1;  // in the other namespace
  std::span<Address> closed_;
  std::size_t count_ = 0;  // of those in use
};

}  // namespace ak::os
