#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "manager/changes.h"
#include "manager/daemon_manager.h"
#include "manager/workspace_directory.h"
#include "policy/sensitive_paths.h"

namespace ak::manager {

using model::Change;

namespace {

struct Trees {
  sys::OwnedFd upper;
  sys::OwnedFd lower;

  ChangeTrees view() const { return {upper.get(), lower.get()}; }
};

Result<std::vector<Change>> chosen(const Trees& trees, const std::vector<std::string>& paths) {
  return selectChanges(AK_TRY(listChanges(trees.view())), paths);
}

}  // namespace

net::Task<Result<std::vector<Change>>> DaemonManager::changes(std::string name) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  co_return co_await changesAfter(sandbox);
}

net::Task<Result<std::string>> DaemonManager::diff(std::string name,
                                                   std::vector<std::string> paths) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  sys::OwnedFd upper = AK_CO_TRY(lifecycle_.changesOf(*sandbox));
  co_return co_await foundation_.workers.run([&]() -> Result<std::string> {
    const Trees trees{std::move(upper), AK_TRY(openWorkspace(sandbox->record.workspace_path))};
    const std::vector<Change> changes = AK_TRY(chosen(trees, paths));
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
  sys::OwnedFd upper = AK_CO_TRY(lifecycle_.changesOf(*sandbox));
  co_return co_await foundation_.workers.run([&]() -> Result<std::vector<Change>> {
    const Trees trees{std::move(upper), AK_TRY(openWorkspace(sandbox->record.workspace_path))};
    struct stat owner{};
    if (::fstat(trees.lower.get(), &owner) != 0) {
      return failErrno("stat workspace");
    }
    ApplyOptions options;
    options.owner_uid = owner.st_uid;
    options.owner_gid = owner.st_gid;
    options.is_protected = [](const std::string& path) { return policy::isProtected(path); };
    options.take_protected = protected_too == ApplyForce::Yes;
    const std::vector<Change> changes = AK_TRY(chosen(trees, paths));
    return applyChanges(trees.view(), changes, options);
  });
}

net::Task<Status> DaemonManager::discard(std::string name, std::vector<std::string> paths) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  if (sandbox->status != model::SandboxStatus::Stopped || sandbox->busy) {
    co_return fail(ErrorCode::Conflict,
                   cat("sandbox '", sandbox->record.name, "' is running: its layer is in use"),
                   cat("Stop it first: agentkernel stop ", sandbox->record.name));
  }
  sys::OwnedFd upper = AK_CO_TRY(lifecycle_.changesOf(*sandbox));
  sandbox->busy = true;  // no start while the layer changes
  const Status done = co_await foundation_.workers.run([&]() -> Status {
    const Trees trees{std::move(upper), AK_TRY(openWorkspace(sandbox->record.workspace_path))};
    const std::vector<Change> changes = AK_TRY(chosen(trees, paths));
    return discardChanges(trees.upper.get(), changes);
  });
  sandbox->busy = false;
  sandbox->changed.notifyAll();
  co_return done;
}

}  // namespace ak::manager
