#pragma once

#include <linux/filter.h>
#include <unistd.h>

#include <map>
#include <string>

#include "model/box_codec.h"
#include "sys/owned_fd.h"

// Tests only: a real launcher with a probe program in the agent's place.
namespace ak::launch {

class LauncherHarness {
 public:
  struct Options {
    uid_t uid = ::geteuid();  // the launcher runs as; another than our own needs root
    bool attached_layers = false;
    bool pure_cgroup_v2 = false;  // hides the version 1 hierarchies from the launcher
  };

  explicit LauncherHarness(Options options);
  ~LauncherHarness();
  LauncherHarness(const LauncherHarness&) = delete;
  LauncherHarness& operator=(const LauncherHarness&) = delete;

  struct Answer {
    model::LauncherReply reply;
    std::vector<sys::OwnedFd> fds;

    bool ok() const { return reply.op != model::LauncherOp::Failed; }
  };

  // A box on a small root with /usr bound, one-shot, no limits.
  model::BoxSpec spec();
  static model::BoxIdentity identity();
  Answer call(model::LauncherRequest request, const std::vector<int>& fds = {});
  Answer start(const model::BoxSpec& spec, const model::BoxIdentity& identity);
  Answer park(const model::BoxSpec& spec);
  Answer claim(const std::string& id, const model::BoxIdentity& identity);
  Answer discard(const std::string& id);
  // Runs a command of the probe in the box.
  std::string ask(const std::string& id, const std::string& command);
  // Waits for the Exited event of the box.
  model::BoxExited exited(const std::string& id);

  void connect();

  void disconnect() { daemon_.reset(); }

  // Waits for the launcher to end by itself.
  int waitForEnd();
  void killLauncher();
  void restart();
  // Blocks until every process of the box has ended.
  void waitUntilGone(const std::string& id);

  pid_t launcher() const { return launcher_; }

  const std::string& directory() const { return directory_; }

  model::HostPath hostPath(const std::string& path) const;
  // A directory of the launcher's user below directory().
  std::string makeDirectory(const std::string& name);

 private:
  void spawn();
  void giveToLauncher(const std::string& path) const;
  model::LauncherReply receive(std::vector<sys::OwnedFd>& fds);

  std::string directory_;
  Options options_;
  uid_t uid_ = 0;
  pid_t launcher_ = -1;
  sys::OwnedFd daemon_;
  std::uint64_t serial_ = 0;
  std::map<std::string, model::BoxExited> exits_;
  std::map<std::string, sys::OwnedFd> alive_;  // pidfds, so that nothing outlives the test
};

}  // namespace ak::launch
