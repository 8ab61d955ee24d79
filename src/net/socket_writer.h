#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/async_fd.h"
#include "net/event.h"
#include "net/http_handler.h"
#include "net/task.h"
#include "net/task_group.h"

namespace ak::net {

// The sending half of a non-blocking stream socket: collects what is written and sends it in as few
// calls as possible, waiting for the socket only when the kernel takes no more.
class SocketWriter {
 public:
  // More than this queued makes room() wait.
  static constexpr std::size_t kHighWater = 64 * 1024;
  // This much is sent without waiting for more to come.
  static constexpr std::size_t kEnough = 32 * 1024;

  // `group` runs the background sends and is cancelled and joined before this object ends.
  SocketWriter(Executor executor, AsyncFd& socket, TaskGroup& group)
      : socket_(socket), group_(group), changed_(std::move(executor)) {}

  void queue(std::string_view data) { out_.append(data); }

  std::string& buffer() { return out_; }

  // Sends what the kernel takes now and the rest in the background.
  void send();
  // Sends when `flush` says.
  void sendAt(Flush flush);

  // Waits while more than kHighWater bytes are queued.
  Task<Status> room();
  // Until nothing is queued.
  Task<Status> drained();

  bool broken() const { return broken_; }

  // Grows with every byte that the kernel took: a deadline can tell a slow reader from a dead one.
  std::uint64_t sentBytes() const { return sent_; }

 private:
  enum class Progress : std::uint8_t { Done, Blocked, Broken };
  Progress sendSome();
  Task<void> sendRest();
  Task<void> sendAfterTurns();
  Task<void> sendAfterLinger();
  Task<Status> waitBelow(std::size_t limit);

  AsyncFd& socket_;
  TaskGroup& group_;
  Event changed_;
  std::string out_;
  std::size_t offset_ = 0;
  std::uint64_t sent_ = 0;
  bool broken_ = false;
  bool sending_ = false;    // sendRest runs
  bool soon_ = false;       // sendAfterTurns runs
  bool lingering_ = false;  // sendAfterLinger runs
};

}  // namespace ak::net
