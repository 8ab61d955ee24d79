#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "manager/busy.h"
#include "manager/changes.h"
#include "manager/daemon_manager.h"
#include "manager/workspace_trees.h"
#include "policy/sensitive_paths.h"

namespace ak::manager {

using model::Change;

net::Task<Result<std::vector<Change>>> DaemonManager::changes(std::string name,
                                                              std::vector<std::string> paths) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  co_return co_await changesIn(sandbox, std::move(paths));
}

net::Task<Result<std::vector<Change>>> DaemonManager::changesIn(SandboxPtr sandbox,
                                                                std::vector<std::string> paths) {
  auto opened = co_await lifecycle_.changesOf(sandbox);
  WorkspaceLayers uppers = AK_CO_TRY(std::move(opened));
  co_return co_await foundation_.workers.run([&]() -> Result<std::vector<Change>> {
    const WorkspaceTrees trees =
        AK_TRY(openTrees(foundation_.backend, std::move(uppers), sandbox->record.workspace_path));
    return listChanges(trees.view(), paths);
  });
}

net::Task<Result<std::string>> DaemonManager::diff(std::string name,
                                                   std::vector<std::string> paths) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  auto opened = co_await lifecycle_.changesOf(sandbox);
  WorkspaceLayers uppers = AK_CO_TRY(std::move(opened));
  co_return co_await foundation_.workers.run([&]() -> Result<std::string> {
    const WorkspaceTrees trees =
        AK_TRY(openTrees(foundation_.backend, std::move(uppers), sandbox->record.workspace_path));
    const std::vector<Change> changes = AK_TRY(listChanges(trees.view(), paths));
    return diffChanges(trees.view(), changes);
  });
}

net::Task<Result<std::vector<Change>>> DaemonManager::apply(std::string name,
                                                            std::vector<std::string> paths,
                                                            ApplyForce protected_too) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  if (protected_too == ApplyForce::Yes && paths.empty()) {
    co_return fail(ErrorCode::InvalidArgument, "protected paths are applied only by name",
                   "Name the paths: agentkernel apply --force NAME PATH...");
  }
  auto opened = co_await lifecycle_.changesOf(sandbox);
  WorkspaceLayers uppers = AK_CO_TRY(std::move(opened));
  co_return co_await foundation_.workers.run([&]() -> Result<std::vector<Change>> {
    const WorkspaceTrees trees =
        AK_TRY(openTrees(foundation_.backend, std::move(uppers), sandbox->record.workspace_path));
    struct stat owner{};
    if (::fstat(trees.lower.get(), &owner) != 0) {
      return failErrno("stat workspace");
    }
    ApplyOptions options;
    options.owner_uid = owner.st_uid;
    options.owner_gid = owner.st_gid;
    options.is_protected = [](const std::string& path) { return policy::isProtected(path); };
    options.take_protected = protected_too == ApplyForce::Yes;
    const std::vector<Change> changes = AK_TRY(listChanges(trees.view(), paths));
    return applyChanges(trees.view(), changes, options);
  });
}

net::Task<Status> DaemonManager::discard(std::string name, std::vector<std::string> paths) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  co_await settled(sandbox);
  if (sandbox->status != model::SandboxStatus::Stopped) {
    co_return fail(ErrorCode::Conflict,
                   cat("sandbox '", sandbox->record.name, "' is running: its layer is in use"),
                   cat("Stop it first: agentkernel stop ", sandbox->record.name));
  }
  const Busy busy(sandbox);  // no start while the layer changes
  auto opened = co_await lifecycle_.changesOf(sandbox);
  WorkspaceLayers uppers = AK_CO_TRY(std::move(opened));
  Result<Dropped> dropped = co_await foundation_.workers.run([&]() -> Result<Dropped> {
    const bool has_own = uppers.has_own;
    const WorkspaceTrees trees =
        AK_TRY(openTrees(foundation_.backend, std::move(uppers), sandbox->record.workspace_path));
    return discardChanges(trees.view().uppers, has_own ? OwnLayer::First : OwnLayer::None, paths);
  });
  const Dropped done = AK_CO_TRY(std::move(dropped));
  if (done.all) {
    co_return co_await snapshots_.forgetInherited(sandbox);
  }
  co_return done.inherited.empty() ? Status()
                                   : co_await snapshots_.leaveOut(sandbox, done.inherited);
}

}  // namespace ak::manager
