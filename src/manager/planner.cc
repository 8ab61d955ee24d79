#include "manager/planner.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"
#include "crypto/sha256.h"
#include "manager/config_files.h"
#include "manager/wishes.h"
#include "manager/workspace_directory.h"
#include "policy/base_environment.h"
#include "policy/injection_target.h"
#include "policy/language.h"
#include "policy/profiles.h"
#include "policy/sensitive_paths.h"
#include "policy/workspace.h"

namespace ak::manager {

struct Planner::Sources {
  std::shared_ptr<const UserSettings::Snapshot> user;  // shared with the cache
  config::ProjectConfig project;
  std::string project_directory;  // canonical, "" when there is no project file
  config::Trusted trusted = config::Trusted::No;
  std::optional<WorkspaceDirectory> directory;  // of the client
};

Planner::Planner(net::WorkerPool& workers,
                 image::ImageStore& images,
                 UserSettings& settings,
                 Options options)
    : workers_(workers), images_(images), settings_(settings), options_(std::move(options)) {}

net::Task<Result<Plan>> Planner::plan(Caller caller, const model::RunRequest& request) {
  const bool names_host_path = !request.workspace.path.empty() || request.project.has_value();
  if (!caller.local && names_host_path) {
    co_return fail(ErrorCode::PermissionDenied,
                   "only local callers may name directories of the host",
                   "Send files with the request instead.");
  }
  co_return co_await workers_.run([&] { return planNow(request); });
}

Result<Plan> Planner::planNow(const model::RunRequest& request) {
  Plan plan;
  AK_TRY(model::validateEnvironment(request.environment));
  const Sources sources = AK_TRY(gather(request));
  AK_TRY(chooseName(sources, request, plan));
  AK_TRY(chooseCommand(sources, request, plan));
  AK_TRY(chooseWorkspace(sources, request, plan));
  AK_TRY(choosePermissions(sources, request, plan));
  AK_TRY(chooseImage(sources, request, plan));
  AK_TRY(checkVolumes(request.volumes, plan.image));
  plan.volumes = request.volumes;
  AK_TRY(chooseSurroundings(request, plan));
  AK_TRY(collectFiles(sources, request, plan));
  return plan;
}

Result<Planner::Sources> Planner::gather(const model::RunRequest& request) {
  Sources sources;
  sources.user = AK_TRY(settings_.current());
  if (!request.workspace.path.empty()) {
    sources.directory = AK_TRY(lookAtWorkspace(request.workspace));
  }
  if (!request.project) {
    return sources;
  }
  sources.project = AK_TRY(config::parseProject(request.project->path, request.project->content));
  const std::size_t slash = request.project->path.rfind('/');
  const std::string parent = request.project->path.substr(0, slash == 0 ? 1 : slash);
  // Looked at once: a second look could find another directory there.
  const WorkspaceDirectory directory = sources.directory && parent == request.workspace.path
                                           ? *sources.directory
                                           : AK_TRY(lookAtWorkspace(parent));
  sources.project_directory = directory.host.path;
  const config::ProjectIdentity identity{directory.host.path, directory.host.device,
                                         directory.host.inode,
                                         crypto::sha256Hex(request.project->content)};
  sources.trusted = config::evaluateTrust(sources.user->grants, identity);
  AK_TRY(config::checkProject(sources.project, sources.user->config, sources.trusted));
  return sources;
}

Status Planner::chooseName(const Sources& sources, const model::RunRequest& request, Plan& plan) {
  plan.name = request.name;
  // The file's name is for the sandbox that stays: one-shot runs go side by side and have none.
  if (plan.name.empty() && (request.keep || request.detach) && sources.project.sandbox.name) {
    plan.name = sources.project.sandbox.name->value;
  }
  return plan.name.empty() ? Status{} : model::validateSandboxName(plan.name);
}

Status Planner::chooseCommand(const Sources& sources,
                              const model::RunRequest& request,
                              Plan& plan) const {
  plan.command = request.command;
  if (plan.command.empty() && sources.project.sandbox.command) {
    plan.command = sources.project.sandbox.command->value;
  }
  plan.init_script = request.init_script;
  if (plan.init_script.empty() && sources.project.sandbox.init_script) {
    plan.init_script = sources.project.sandbox.init_script->value;
  }
  const std::array policies = {commandPolicyOf(sources.user->config),
                               commandPolicyOf(sources.project)};
  if (!plan.init_script.empty()) {
    AK_TRY(model::validateInitScript(plan.init_script));
    AK_TRY(policy::checkCommand(policies, initCommand(plan.init_script)));
  }
  if (plan.command.empty()) {
    return {};  // a sandbox without a command, which run() refuses
  }
  AK_TRY(model::validateCommand(plan.command));
  return policy::checkCommand(policies, plan.command);
}

Status Planner::chooseWorkspace(const Sources& sources,
                                const model::RunRequest& request,
                                Plan& plan) const {
  policy::WorkspaceQuestion question;
  question.home = options_.canonical_home;
  question.own_directories = {options_.paths.state, options_.paths.runtime,
                              options_.paths.config_directory};
  question.asked = request.workspace.mode;
  for (const config::Config* config : {static_cast<const config::Config*>(&sources.project),
                                       static_cast<const config::Config*>(&sources.user->config)}) {
    if (!question.asked && config->security.mount) {
      question.asked = config->security.mount->value;
    }
  }
  if (sources.directory) {
    question.path = sources.directory->host.path;
  }
  const policy::WorkspaceDecision decision = AK_TRY(policy::decideWorkspace(question));
  if (!decision.hint.empty()) {
    plan.warnings.push_back(decision.hint);
  }
  plan.workspace.mode = decision.mode;
  if (decision.mode == model::WorkspaceMode::None) {
    return {};
  }
  plan.workspace.source = sources.directory->host;
  plan.workspace.owner_uid = sources.directory->owner_uid;
  plan.workspace.owner_gid = sources.directory->owner_gid;
  plan.workspace.masks = decision.masks;
  plan.workspace_path = sources.directory->host.path;
  if (decision.mode == model::WorkspaceMode::ReadWrite) {
    plan.protected_paths = AK_TRY(policy::protectedPaths(request.workspace.granted));
    return guardRepositories(plan);
  }
  if (!request.workspace.granted.empty()) {
    return fail(
        ErrorCode::InvalidArgument, "--grant goes with --mount rw only",
        "In a copy-on-write workspace all can be written; see 'agentkernel apply --force'.");
  }
  return {};
}

Status Planner::choosePermissions(const Sources& sources,
                                  const model::RunRequest& request,
                                  Plan& plan) const {
  policy::PermissionInputs inputs;
  inputs.user = wishesOf(sources.user->config);
  inputs.project = wishesOf(sources.project);
  inputs.flags = wishesOf(request);
  inputs.ceilings = ceilingsOf(sources.user->config);
  inputs.workspace = plan.workspace.mode;
  policy::Resolved resolved = AK_TRY(policy::resolvePermissions(inputs));
  plan.permissions = resolved.permissions;
  std::ranges::move(resolved.notes, std::back_inserter(plan.hints));
  std::ranges::copy(sources.project.warnings, std::back_inserter(plan.hints));
  std::ranges::copy(sources.user->config.warnings, std::back_inserter(plan.hints));
  return {};
}

Status Planner::chooseImage(const Sources& sources,
                            const model::RunRequest& request,
                            Plan& plan) const {
  const config::SandboxSection& project = sources.project.sandbox;
  const bool named = !request.image.empty() || project.base_image || project.runtime;
  std::string reference = "host";
  // A command with a slash is a file, most likely one of the workspace: no table knows an image for
  // it.
  const bool is_word = !plan.command.empty() && !plan.command.front().contains('/');
  if (named || (is_word && !images_.hostHasCommand(plan.command.front()))) {
    policy::ImageQuestion question;
    question.flag = request.image;
    question.config_image = project.base_image ? project.base_image->value : "";
    question.config_runtime = project.runtime ? project.runtime->value : "";
    question.command = plan.command;
    if (sources.directory && !named) {
      AK_TRY(lookForLanguages(sources.directory->host.path, question));
    }
    const policy::ImageAnswer answer = AK_TRY(policy::chooseImage(question));
    reference = answer.image;
    if (answer.rule != policy::ImageRule::Flag && answer.rule != policy::ImageRule::Default) {
      plan.hints.push_back(cat("Using image ", reference, ": ", answer.because, "."));
    }
  }
  Result<image::ResolvedImage> image = images_.resolve(reference);
  if (!image && !named && image.error().code == ErrorCode::NotFound && !plan.command.empty()) {
    // Nobody asked for an image: what the user misses is the command.
    const std::string missed =
        cat("'", printable(plan.command.front()), "' is not among this machine's programs");
    if (std::string remedy = model::remedyForOneWord(plan.command); !remedy.empty()) {
      return fail(ErrorCode::CommandNotFound, missed, std::move(remedy));
    }
    return fail(
        ErrorCode::CommandNotFound,
        cat(missed, ", and image ", reference, " for it is not in the store"),
        cat("Install it on this machine, or import an image that has it: agentkernel images "
            "import FILE --name ",
            reference));
  }
  if (!image) {
    return std::unexpected(std::move(image).error());
  }
  plan.image = std::move(*image);
  return {};
}

Status Planner::chooseSurroundings(const model::RunRequest& request, Plan& plan) const {
  AK_TRY(model::validatePorts(request.ports));
  plan.ports = request.ports;
  plan.user = request.user.empty() ? plan.image.user : request.user;
  plan.workdir = request.workdir;
  if (plan.workdir.empty()) {
    plan.workdir = plan.workspace.mode != model::WorkspaceMode::None ? plan.workspace.target
                   : plan.image.workdir.empty()                      ? "/"
                                                                     : plan.image.workdir;
  }
  AK_TRY(model::validateWorkdir(plan.workdir));
  policy::EnvironmentLayers layers;
  layers.user = plan.user;
  layers.terminal = request.terminal;
  layers.image = plan.image.environment;
  layers.host = request.host_environment;
  layers.pass_host = plan.permissions.pass_environment;
  layers.request = request.environment;
  for (const std::string& entry : request.host_environment) {
    if (entry.starts_with("TERM=")) {
      layers.term = entry.substr(5);
    }
  }
  plan.environment = policy::guestEnvironment(layers);
  return {};
}

Status Planner::collectFiles(const Sources& sources,
                             const model::RunRequest& request,
                             Plan& plan) const {
  for (const model::FileInjection& file : request.files) {
    AK_TRY(policy::checkInjectionTarget(file.path));
    plan.files.push_back(file);
  }
  AK_TRY(readConfiguredFiles(sources.user->config.files, options_.paths.config_directory,
                             Reach::Anywhere, plan.files));
  return readConfiguredFiles(
      sources.project.files, sources.project_directory,
      sources.trusted == config::Trusted::Yes ? Reach::Anywhere : Reach::Beneath, plan.files);
}

net::Task<Status> Planner::checkExec(Caller, const model::ExecRequest& request) {
  AK_CO_TRY(model::validateCommand(request.command));
  AK_CO_TRY(model::validateEnvironment(request.environment));
  if (!request.workdir.empty()) {
    AK_CO_TRY(model::validateWorkdir(request.workdir));
  }
  co_return co_await workers_.run([&]() -> Status {
    const auto user = AK_TRY(settings_.current());
    const std::array policies = {commandPolicyOf(user->config)};
    AK_TRY(policy::checkCommand(policies, request.command));
    return request.terminal ? policy::checkAttach(policies) : Status{};
  });
}

net::Task<Result<policy::NewLimits>> Planner::planResize(model::Permissions now,
                                                         model::AskedLimits asked) {
  if (asked == model::AskedLimits{}) {
    co_return fail(ErrorCode::InvalidArgument, "no limit is given",
                   "Give one or more of memory, cpus and pids.");
  }
  co_return co_await workers_.run([&]() -> Result<policy::NewLimits> {
    const auto user = AK_TRY(settings_.current());
    return policy::resolveResize(now, wishesOf(asked), ceilingsOf(user->config));
  });
}

net::Task<Result<model::Permissions>> Planner::planImport(model::AskedLimits asked) {
  co_return co_await workers_.run([&]() -> Result<model::Permissions> {
    const auto user = AK_TRY(settings_.current());
    policy::PermissionInputs inputs;
    inputs.user = wishesOf(user->config);
    inputs.ceilings = ceilingsOf(user->config);
    const policy::Resolved defaults = AK_TRY(policy::resolvePermissions(inputs));
    inputs.flags = wishesOf(asked);
    policy::Resolved resolved = AK_TRY(policy::resolvePermissions(inputs));
    // Upstream writes its own defaults down like wishes, so these hold where they can.
    resolved.permissions.limits.explicit_memory = defaults.permissions.limits.explicit_memory;
    resolved.permissions.limits.explicit_cpu = defaults.permissions.limits.explicit_cpu;
    return resolved.permissions;
  });
}

}  // namespace ak::manager
