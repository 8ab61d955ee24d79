#pragma once

#include <string>
#include <vector>

#include "guest/child.h"
#include "guest/user_lookup.h"
#include "wire/exec.h"
#include "wire/hello.h"

namespace ak::guest {

// Owns all that a ChildPlan points to. Everything is looked up and laid out here, in the agent,
// so that the child only makes system calls.
class ExecPlan {
 public:
  static Result<ExecPlan> make(wire::ExecRequest request, const wire::SandboxRules& rules);

  // Valid until this object moves or dies. Descriptors and cgroup are the caller's to fill in.
  ChildPlan childPlan();

  const wire::ExecRequest& request() const { return request_; }

  // The user's own, where it was asked for and there is one; else empty.
  const std::string& shell() const { return shell_; }

  // What a failed step means to the caller: the error that resets the stream.
  Error explain(const ChildFailure& failure) const;

 private:
  ExecPlan() = default;
  void layEnvironment(const std::vector<std::string>& base);
  void findCandidates();
  void findShell();

  wire::ExecRequest request_;
  GuestUser user_;
  std::string shell_;
  std::string filter_;
  std::uint64_t capabilities_ = 0;
  std::vector<std::string> environment_;
  std::vector<std::string> paths_;
  std::vector<ChildLimit> limits_;
  std::vector<char*> argv_pointers_;
  std::vector<char*> environment_pointers_;
  std::vector<const char*> path_pointers_;
};

}  // namespace ak::guest
