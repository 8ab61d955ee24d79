#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "manager/volume_usage.h"
#include "model/sandbox.h"
#include "model/volume.h"
#include "net/task.h"

namespace ak::manager {

// Directories that outlive sandboxes and are shown in any number of them
// (docs/adr/0017-volumes.md).
class Volumes {
 public:
  virtual ~Volumes() = default;

  // Who names a volume, and so keeps it from being removed.
  struct User {
    enum class Kind : std::uint8_t { Sandbox, Snapshot };
    Kind kind = Kind::Sandbox;
    std::string name;
    model::SandboxStatus status = model::SandboxStatus::Stopped;  // of a sandbox
    std::string path;
    bool read_only = false;
  };

  struct View {
    model::VolumeRecord volume;
    std::optional<VolumeUsage> usage;  // nothing: it could not be counted
    std::vector<User> users;           // by name
  };

  // Durable when it returns. size_bytes 0: unlimited. AlreadyExists for a slug that is taken;
  // Unsupported when nothing here would hold the size.
  virtual net::Task<Result<View>> create(std::string slug, std::uint64_t size_bytes) = 0;
  // By slug.
  virtual net::Task<std::vector<View>> list() = 0;
  virtual net::Task<Result<View>> get(std::string slug) = 0;
  // With all that is in it. Conflict while a sandbox, running or not, or a snapshot names it.
  virtual net::Task<Status> remove(std::string slug) = 0;
};

}  // namespace ak::manager
