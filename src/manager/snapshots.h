#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/snapshot.h"
#include "net/task.h"

namespace ak::manager {

struct SandboxView;

// What a copy of a running sandbox cost it; nothing for a stopped one, whose files are not copied.
using Pause = std::optional<std::chrono::microseconds>;

// Sandboxes as they were: taken, listed, made into sandboxes again. What a sandbox wrote so far
// becomes an immutable layer that any number of sandboxes stand on, each with a writable layer of
// its own above it (docs/adr/0015-snapshots-and-forks.md).
//
// A snapshot or fork of a stopped sandbox takes the same time however much it holds. A running one
// is frozen while its writable layer is copied, at most for kLongestPause.
class Snapshots {
 public:
  static constexpr std::chrono::seconds kLongestPause{30};

  virtual ~Snapshots() = default;

  struct Taken {
    model::SnapshotRecord snapshot;
    Pause pause;
  };

  // "" as a name: one is made of the sandbox's and the day. AlreadyExists for one that is taken;
  // Conflict for a sandbox that keeps nothing.
  virtual net::Task<Result<Taken>> take(std::string sandbox, std::string name) = 0;
  // By name.
  virtual net::Task<std::vector<model::SnapshotRecord>> list() = 0;
  virtual net::Task<Result<model::SnapshotRecord>> get(std::string name) = 0;
  // Sandboxes that were made from it stay as they are.
  virtual net::Task<Status> remove(std::string name) = 0;
  // A stopped sandbox named `as` ("": the first one's name with "-restored"): with the permissions,
  // environment, labels and files that it had, and a lifetime, uuid and ids of its own.
  virtual net::Task<Result<SandboxView>> restore(std::string name, std::string as) = 0;

  struct Forked {
    std::string name;
    std::string uuid;
    Pause pause;
  };

  // The same of a sandbox as it is now.
  virtual net::Task<Result<Forked>> makeFork(std::string sandbox, std::string child) = 0;
};

}  // namespace ak::manager
