#pragma once

#include <cstdint>
#include <string>

#include "os/cgroup.h"
#include "sys/owned_fd.h"

namespace ak::launch {

// The launcher's own surroundings, made once at its start: a mount namespace that follows the
// host's and leaks nothing back, a scratch tmpfs only visible there (its working directory from
// then on), the /dev that all boxes share, and the agent's sealed image.
class Host {
 public:
  enum class Layers : std::uint8_t { Detached, Attached };

  // `agent_fd` is the agent's program file. `layers` Attached: as on kernels before 6.15.
  static Result<Host> make(const std::string& runtime_directory, int agent_fd, Layers layers);

  bool rootless() const { return ids_ != 0; }

  // Rootless: how many ids every box has; 0: each box brings its own range.
  std::uint32_t rootlessIds() const { return ids_; }

  // Our uid outside of the rootless namespace.
  std::uint32_t rootlessBase() const { return base_; }

  int scratch() const { return scratch_.get(); }

  int runtime() const { return runtime_.get(); }

  int agent() const { return agent_.get(); }

  int null() const { return null_.get(); }

  os::CgroupTree& cgroups() { return cgroups_; }

  Layers layers() const { return layers_; }

  // A detached copy of the shared /dev.
  Result<sys::OwnedFd> deviceTree() const;

 private:
  Status enterNamespaces(const std::string& runtime_directory);
  Status makeDevices();
  Status sealAgent(int agent_fd);

  Layers layers_ = Layers::Detached;
  std::uint32_t ids_ = 0;
  std::uint32_t base_ = 0;
  sys::OwnedFd runtime_;
  sys::OwnedFd scratch_;
  sys::OwnedFd devices_;
  sys::OwnedFd agent_;
  sys::OwnedFd null_;
  os::CgroupTree cgroups_;
};

}  // namespace ak::launch
