#include "policy/workspace.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "policy/path_rules.h"
#include "policy/sensitive_paths.h"

namespace ak::policy {

namespace {

using model::WorkspaceMode;

// Refused themselves; what lies below them is somebody's project as often as not.
constexpr std::array<std::string_view, 16> kSharedRoots = {
    "/",    "/home",    "/media",   "/mnt",       "/opt",     "/root",    "/srv",       "/tmp",
    "/var", "/var/lib", "/var/tmp", "/usr/local", "/usr/src", "/dev/shm", "/var/cache", "/var/log"};

// Refused with all below: configuration, programs and kernel files of the machine. Longest first,
// so that the exceptions below are found by the table above.
constexpr std::array<std::string_view, 13> kSystemTrees = {
    "/bin",    "/boot", "/dev", "/etc",  "/lib", "/lib32", "/lib64",
    "/libx32", "/proc", "/run", "/sbin", "/sys", "/usr"};

constexpr std::array<std::string_view, 3> kProjectsInSystemTrees = {"/usr/local/src", "/usr/src",
                                                                    "/dev/shm"};

bool isSystemDirectory(std::string_view path) {
  if (std::ranges::find(kSharedRoots, path) != kSharedRoots.end()) {
    return true;
  }
  const auto holds = [path](std::string_view tree) { return isWithin(path, tree); };
  return std::ranges::any_of(kSystemTrees, holds) &&
         std::ranges::none_of(kProjectsInSystemTrees, holds);
}

// A direct child of /home is the home of somebody, whoever runs the daemon.
bool isSomeHome(std::string_view path) {
  return path.starts_with("/home/") && !path.substr(6).contains('/');
}

}  // namespace

std::string whyTooWide(const WorkspaceQuestion& question) {
  const std::string& path = question.path;
  if (!question.home.empty() && path == question.home) {
    return "it is the home directory";
  }
  for (const std::string& own : question.own_directories) {
    if (isWithin(own, path) || isWithin(path, own)) {
      return "it holds or is part of agentkernel's own files";
    }
  }
  if (isSystemDirectory(path)) {
    return "it is a system directory";
  }
  if (!question.home.empty() && isWithin(question.home, path)) {
    return "it contains the home directory";
  }
  if (isSomeHome(path)) {
    return "it is a home directory";
  }
  if (isCredentialPath(path, question.home)) {
    return "it holds credentials";
  }
  return {};
}

Result<WorkspaceDecision> decideWorkspace(const WorkspaceQuestion& question) {
  const bool asked_for_one = question.asked && *question.asked != WorkspaceMode::None;
  if (question.asked == WorkspaceMode::None) {
    return WorkspaceDecision{};
  }
  if (question.path.empty()) {
    if (asked_for_one) {
      return fail(ErrorCode::InvalidArgument,
                  "a workspace was asked for, but no directory was named",
                  "Name the directory, or leave the mount mode out.");
    }
    return WorkspaceDecision{};
  }
  for (const std::string& own : question.own_directories) {
    if (!isCanonical(own)) {
      return fail(ErrorCode::InvalidArgument, cat("not a canonical path: ", printable(own)));
    }
  }
  if (!isCanonical(question.path) || (!question.home.empty() && !isCanonical(question.home))) {
    return fail(ErrorCode::InvalidArgument, cat("not a canonical path: ", printable(question.path)),
                "Name the directory by its absolute path, without '..' or links.");
  }
  if (const std::string why = whyTooWide(question); !why.empty()) {
    const std::string shown = printable(question.path);
    if (asked_for_one) {
      return fail(ErrorCode::PolicyDenied, cat("cannot mount ", shown, " as a workspace: ", why),
                  "Run from a directory that holds only the project, or use --mount none.");
    }
    return WorkspaceDecision{
        WorkspaceMode::None,
        cat("Nothing is mounted at /workspace: ", shown, " is not shown to sandboxes, since ", why,
            ". Go to a project's directory, or write --mount none."),
        {}};
  }
  return WorkspaceDecision{question.asked.value_or(WorkspaceMode::Cow),
                           {},
                           credentialMasks(question.path, question.home)};
}

}  // namespace ak::policy
