#include "guest/exec_plan.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "model/sandbox.h"
#include "sys/file.h"

namespace ak::guest {

namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t kMaxPathEntries = 64;
constexpr std::size_t kMaxShell = 255;

std::uint64_t effectiveCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) {
    return 0;
  }
  return data[0].effective | std::uint64_t{data[1].effective} << 32U;
}

bool holds(int capability) {
  return (effectiveCapabilities() >> static_cast<unsigned>(capability) & 1U) != 0;
}

// A namespace that maps one id by an unprivileged user's hand has given up setgroups for good, and
// whoever lives in it has the groups that it has (user_namespaces(7)).
bool groupsAreFixed() {
  const Result<std::string> rule = sys::readFile("/proc/self/setgroups", 64);
  return rule && trim(*rule) == "deny";
}

std::vector<char*> pointersTo(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::string_view valueOf(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& variable : environment) {
    if (variable.size() > name.size() && variable.starts_with(name) &&
        variable[name.size()] == '=') {
      return std::string_view(variable).substr(name.size() + 1);
    }
  }
  return {};
}

std::string_view stepText(ChildStep step) {
  switch (step) {
    case ChildStep::None:
      return "nothing";
    case ChildStep::Session:
      return "making a session";
    case ChildStep::Terminal:
      return "taking the terminal";
    case ChildStep::Descriptors:
      return "placing descriptors";
    case ChildStep::Cgroup:
      return "joining the command's cgroup";
    case ChildStep::Limits:
      return "setting resource limits";
    case ChildStep::Bounding:
      return "dropping the bounding set";
    case ChildStep::Groups:
      return "setting groups";
    case ChildStep::Ids:
      return "setting user and group";
    case ChildStep::Directory:
      return "changing directory";
    case ChildStep::Capabilities:
      return "dropping capabilities";
    case ChildStep::NoNewPrivileges:
      return "setting no_new_privs";
    case ChildStep::Filter:
      return "installing the seccomp filter";
    case ChildStep::Exec:
      return "executing";
  }
  return "an unknown step";
}

Error explainExec(const std::vector<std::string>& command, int error) {
  const std::string name = printable(command.front());
  switch (error) {
    case ENOENT:
    case ENOTDIR: {
      std::string remedy = model::remedyForOneWord(command);
      return Error::make(ErrorCode::CommandNotFound, cat("no command '", name, "' in the sandbox"),
                         !remedy.empty() ? std::move(remedy)
                                         : "Check the name, PATH and the image; for a script also "
                                           "its #! line.");
    }
    case EACCES:
    case EPERM:
    case EISDIR:
      return Error::make(ErrorCode::CommandNotRunnable, cat("'", name, "': permission denied"),
                         "Make the file executable, or run it with its interpreter.");
    case ENOEXEC:
      return Error::make(ErrorCode::CommandNotRunnable,
                         cat("'", name, "' is neither a program nor a script with a #! line"),
                         "Run it with its interpreter, for example: sh FILE");
    case E2BIG:
      return Error::make(ErrorCode::TooLarge, "arguments and environment are too long together");
    case EAGAIN:
    case ENOMEM:
      return Error::fromErrno(error, cat("executing '", name, "'"));
    default: {
      Error other = Error::fromErrno(error, cat("executing '", name, "'"));
      other.code = ErrorCode::CommandNotRunnable;
      return other;
    }
  }
}

}  // namespace

Result<ExecPlan> ExecPlan::make(wire::ExecRequest request, const wire::SandboxRules& rules) {
  ExecPlan plan;
  plan.request_ = std::move(request);
  plan.user_ = AK_TRY(lookUpUser(plan.request_.user));
  plan.filter_ = rules.child_filter;
  plan.capabilities_ = rules.child_capabilities;
  plan.findShell();
  plan.layEnvironment(rules.base_environment);
  plan.findCandidates();
  for (const wire::ResourceLimit& limit : plan.request_.limits) {
    plan.limits_.push_back({static_cast<int>(limit.resource), {limit.soft, limit.hard}});
  }
  return plan;
}

// passwd is the guest's: what it names is run as the guest anyway, and has to be there. Accounts of
// services have a shell that turns everybody away (nologin(8)).
void ExecPlan::findShell() {
  if (!request_.login_shell) {
    return;
  }
  const std::string& shell = user_.shell;
  const std::string_view name = std::string_view(shell).substr(shell.rfind('/') + 1);
  if (shell.starts_with('/') && shell.size() <= kMaxShell && !shell.contains('\0') &&
      name != "nologin" && name != "false" && ::access(shell.c_str(), X_OK) == 0) {
    shell_ = shell;
    request_.argv = {shell_};
  }
}

// The base first, then the request's over it; HOME of the user and SHELL when neither says.
void ExecPlan::layEnvironment(const std::vector<std::string>& base) {
  std::unordered_map<std::string_view, std::size_t> positions;
  environment_.reserve(base.size() + request_.environment.size() + 1);
  for (const std::span<const std::string> list :
       {std::span(base), std::span(std::as_const(request_.environment))}) {
    for (const std::string& variable : list) {
      const std::string_view key = std::string_view(variable).substr(0, variable.find('='));
      const auto [at, added] = positions.emplace(key, environment_.size());
      if (added) {
        environment_.push_back(variable);
      } else {
        environment_[at->second] = variable;
      }
    }
  }
  if (!positions.contains("HOME") && !user_.home.empty() && !user_.home.contains('\0')) {
    environment_.push_back(cat("HOME=", user_.home));
  }
  if (request_.login_shell && !positions.contains("SHELL")) {
    environment_.push_back(cat("SHELL=", request_.argv.front()));
  }
}

void ExecPlan::findCandidates() {
  const std::string& command = request_.argv.front();
  if (command.contains('/')) {
    paths_.push_back(command);
    return;
  }
  const std::string_view set = valueOf(environment_, "PATH");
  for (const std::string_view entry : split(set.empty() ? kDefaultPath : set, ':')) {
    if (paths_.size() < kMaxPathEntries) {
      paths_.push_back(cat(entry.empty() ? std::string_view(".") : entry, "/", command));
    }
  }
}

ChildPlan ExecPlan::childPlan() {
  argv_pointers_ = pointersTo(request_.argv);
  environment_pointers_ = pointersTo(environment_);
  path_pointers_.clear();
  for (const std::string& path : paths_) {
    path_pointers_.push_back(path.c_str());
  }
  path_pointers_.push_back(nullptr);

  ChildPlan child;
  child.terminal = request_.terminal;
  child.limits = limits_.data();
  child.limit_count = limits_.size();
  // An agent that may not change ids (a plain process, one mapped id) runs all as itself; asking
  // for anyone else then fails in the child with the kernel's own word.
  const bool same = user_.uid == ::geteuid() && user_.gid == ::getegid();
  child.change_ids = !same || (holds(CAP_SETGID) && holds(CAP_SETUID) && !groupsAreFixed());
  child.uid = user_.uid;
  child.gid = user_.gid;
  child.groups = user_.groups.data();
  child.group_count = user_.groups.size();
  child.drop_bounding = holds(CAP_SETPCAP);
  child.capabilities = capabilities_;
  child.directory = request_.directory.empty() ? "/" : request_.directory.c_str();
  child.filter.len = static_cast<unsigned short>(filter_.size() / sizeof(sock_filter));
  child.filter.filter = reinterpret_cast<sock_filter*>(filter_.data());
  child.candidates = path_pointers_.data();
  child.argv = argv_pointers_.data();
  child.environment = environment_pointers_.data();
  return child;
}

Error ExecPlan::explain(const ChildFailure& failure) const {
  const auto [step, error] = failure;
  if (step == ChildStep::Exec) {
    return explainExec(request_.argv, error);
  }
  if (step == ChildStep::Directory) {
    Error wrong = Error::fromErrno(error, cat("working directory ", printable(request_.directory)));
    wrong.code = ErrorCode::InvalidArgument;
    wrong.remedy = "Choose a directory that exists in the sandbox and that the user may enter.";
    return wrong;
  }
  Error other = Error::fromErrno(error, stepText(step));
  if (step == ChildStep::Ids || step == ChildStep::Groups || step == ChildStep::Limits) {
    other.code = error == EPERM ? ErrorCode::PermissionDenied : ErrorCode::InvalidArgument;
    other.remedy = step == ChildStep::Limits
                       ? "A limit can only be lowered below the sandbox's own."
                       : "This sandbox cannot run commands as that user.";
  }
  return other;
}

}  // namespace ak::guest
