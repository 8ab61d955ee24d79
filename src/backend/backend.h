#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/tree_aid.h"
#include "base/result.h"
#include "channel/agent.h"
#include "model/box.h"
#include "model/sandbox.h"
#include "net/task.h"

namespace ak::backend {

struct Probe {
  bool usable = false;
  std::string reason;     // why (not), one sentence
  std::string remedy;     // when not usable or weakened
  std::string isolation;  // "namespaces", "none (fake)", ...
  // Of a daemon without root: how many ids each sandbox has, 1 or 65536. 0: ranges of its own.
  std::uint32_t rootless_ids = 0;
  std::vector<std::string> unenforced;  // limits that this host cannot hold by default
};

// What a backend can do, as data; asking for what is false is a typed Unsupported.
struct Capabilities {
  bool named = true;  // outlives the daemon
  bool pool = false;
  bool resize = false;
  bool workspace_rw = true;
  bool network_full = false;
  bool volumes = false;
};

// Everything that is decided before a start. Made by the manager from policy; backends add nothing.
struct StartRequest {
  std::string id;  // sandbox uuid
  std::string hostname;
  model::Permissions permissions;
  model::BoxRoot root;    // from the image store
  std::string image_key;  // identity of `root`, part of the pool's key
  model::IdRange ids;
  model::BoxWorkspace workspace;
  std::vector<model::BoxVolume> volumes;
  bool one_shot = true;
  bool may_pool = true;
  std::string agent_key;  // wire::kKeySize bytes
  wire::SandboxRules rules;
  std::string runtime_directory;  // host directory of this sandbox: agent.sock lives here
};

struct Started {
  std::shared_ptr<channel::Agent> agent;
  model::BoxStarted box;
  sys::OwnedFd process;  // pidfd of the agent; readable when the box is gone
  sys::OwnedFd changes;  // directory of what the workspace's guest wrote; may be invalid
  model::IdRange ids;    // as used: a pooled box brings its own
  bool from_pool = false;
};

// A new layer of frozen ones or of a copy (os/layer_merge.h). Descriptors are borrowed.
struct LayerMerge {
  enum class Content : bool { Copy, Link } content = Content::Copy;
  std::vector<int> layers;  // top first
  std::vector<int> base;
  int target = -1;
  std::vector<std::string> without;
  std::chrono::milliseconds limit{0};  // Timeout after it, with a part in the target
};

// What a new volume may hold at most.
struct VolumeLimit {
  std::string directory;  // as model/volume.h says, empty so far
  std::uint64_t bytes = 0;
  std::uint32_t project = 0;  // of its own, where the file system counts by project
};

struct PoolStats {
  std::uint32_t warm = 0;
  std::uint32_t filling = 0;
  std::uint32_t target = 0;
  std::uint32_t max = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
};

struct Ended {
  std::string id;
  std::optional<model::BoxExited> how;  // nothing: the launcher died meanwhile, status unknown
};

// One way of isolating a sandbox. A backend prepares a box with an agent in it and hands back the
// channel; exec, files and terminals are the agent's and the same everywhere.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string_view name() const = 0;
  virtual Capabilities capabilities() const = 0;
  virtual net::Task<Probe> probe() = 0;

  virtual net::Task<Result<Started>> start(StartRequest request) = 0;
  // After a daemon restart: the box of `record` if it still lives; NotFound when it does not. The
  // agent takes record.epoch only when it is higher than all that it has seen. Any other error: it
  // lives and cannot be spoken to; it is still ended by stop(), and its end is told.
  virtual net::Task<Result<Started>> reconnect(model::SandboxRecord record,
                                               std::string runtime_directory) = 0;
  // Ends every process of the box and frees cgroup, mounts and runtime directory. Ending what is
  // gone is success.
  virtual net::Task<Status> stop(std::string id) = 0;
  virtual net::Task<Result<std::vector<model::EnforcedLimit>>> resize(std::string id,
                                                                      model::Limits limits) = 0;
  // What it uses now, by the kernel's count: zeros for what no control group counts.
  virtual net::Task<Result<model::BoxStats>> stats(std::string id) = 0;
  // Ids of all live boxes, in one call.
  virtual net::Task<Result<std::vector<std::string>>> list() = 0;
  // Ends boxes and removes leftovers (cgroups, scratch, runtime directories) whose id is not in
  // `keep`.
  virtual net::Task<Result<std::vector<std::string>>> sweep(std::vector<std::string> keep) = 0;
  // Removes the directory of a sandbox that does not run, also where files below belong to ids that
  // this process may not touch but the backend may (rootless).
  virtual net::Task<Status> removeFiles(std::string directory) = 0;
  // For reading and discarding what a guest wrote beneath `top`, in the same spirit; nothing where
  // this process may all that the backend may. `top` outlives it.
  virtual std::unique_ptr<TreeAid> treeAid(int top) = 0;
  virtual net::Task<Status> mergeLayers(LayerMerge merge) = 0;
  // Puts the limit in force, for every box that will have the volume, and says by what means (as in
  // model::EnforcedLimit). Unsupported where nothing would hold it.
  virtual net::Task<Result<std::string>> limitVolume(VolumeLimit limit) = 0;
  // Stops a box's processes where they are, and lets them go on. A box goes on by itself when this
  // daemon ends or after a while; unfreeze() then says Timeout, and what was done meanwhile does
  // not count. Unsupported where there is no means.
  virtual net::Task<Status> freeze(std::string id) = 0;
  virtual net::Task<Status> unfreeze(std::string id) = 0;
  // Called on the loop when a box ends by itself.
  virtual void onEnded(std::function<void(const Ended&)> handler) = 0;

  // Warm boxes for requests like this one; harmless where capabilities().pool is false.
  virtual void warm(const StartRequest& like) = 0;
  virtual PoolStats poolStats() const = 0;
  // Ends so many warm boxes and makes no more until the next start or warm().
  virtual net::Task<void> shrinkPool(std::uint32_t count) = 0;
  // How often the launcher had to be started again since this daemon began.
  virtual std::uint64_t launcherRestarts() const = 0;
  // Ends the pool and lets go of live boxes; named ones live on.
  virtual net::Task<void> close() = 0;
};

}  // namespace ak::backend
