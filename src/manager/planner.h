#pragma once

#include <string>

#include "env/paths.h"
#include "image/image_store.h"
#include "manager/manager.h"
#include "manager/plan.h"
#include "manager/user_settings.h"
#include "net/loop.h"
#include "policy/profiles.h"

namespace ak::manager {

// Turns a request into a Plan: configuration and trust, command policy, permissions, workspace,
// image, environment and files. Everything that the caller may not have is refused here, before
// anything is made. The deciding is policy's and config's; this gathers what they need.
class Planner {
 public:
  struct Options {
    env::Paths paths;
    std::string canonical_home;  // links resolved
  };

  Planner(net::WorkerPool& workers,
          image::ImageStore& images,
          UserSettings& settings,
          Options options);

  net::Task<Result<Plan>> plan(Caller caller, const model::RunRequest& request);
  // Other limits for a sandbox that has `now`, under the user config's ceilings.
  net::Task<Result<policy::NewLimits>> planResize(model::Permissions now, model::AskedLimits asked);
  // What a sandbox of another implementation is allowed here, which says nothing but these.
  net::Task<Result<model::Permissions>> planImport(model::AskedLimits asked);
  // Command policy and input rules of an exec in a running sandbox.
  net::Task<Status> checkExec(Caller caller, const model::ExecRequest& request);

 private:
  struct Sources;

  Result<Plan> planNow(const model::RunRequest& request);
  Result<Sources> gather(const model::RunRequest& request);
  Status choosePermissions(const Sources& sources,
                           const model::RunRequest& request,
                           Plan& plan) const;
  Status chooseWorkspace(const Sources& sources,
                         const model::RunRequest& request,
                         Plan& plan) const;
  Status chooseImage(const Sources& sources, const model::RunRequest& request, Plan& plan) const;
  static Status chooseName(const Sources& sources, const model::RunRequest& request, Plan& plan);
  Status chooseCommand(const Sources& sources, const model::RunRequest& request, Plan& plan) const;
  Status chooseSurroundings(const model::RunRequest& request, Plan& plan) const;
  Status collectFiles(const Sources& sources, const model::RunRequest& request, Plan& plan) const;

  net::WorkerPool& workers_;
  image::ImageStore& images_;
  UserSettings& settings_;
  const Options options_;
};

}  // namespace ak::manager
