#include "cli/project.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <climits>

#include "base/text.h"
#include "sys/file.h"

namespace ak::cli {

namespace {

constexpr std::size_t kMaxProjectFile = 1024 * 1024;

}  // namespace

void nameDirectory(model::WorkspaceRequest& directory) {
  char path[PATH_MAX];
  struct stat info{};
  if (::getcwd(path, sizeof path) != nullptr && path[0] == '/' && ::stat(".", &info) == 0) {
    directory.path = path;
    directory.device = info.st_dev;
    directory.inode = info.st_ino;
  }
}

Result<std::string> directoryOf(const Arguments& arguments) {
  const std::string given = arguments.positional().empty() ? "." : arguments.first();
  char path[PATH_MAX];
  if (::realpath(given.c_str(), path) == nullptr) {
    Error error = failErrno(cat("find ", printable(given))).error();
    error.remedy = "Name the directory of a project, or leave it out for this one.";
    return std::unexpected(std::move(error));
  }
  return std::string(path);
}

std::string projectFileIn(const std::string& directory) {
  return cat(directory, "/agentkernel.toml");
}

Result<std::string> readProjectFile(const std::string& path) {
  return sys::readRegularFile(AT_FDCWD, path, kMaxProjectFile);
}

Result<std::optional<model::ProjectFile>> projectOf(const Arguments& arguments,
                                                    const std::string& directory) {
  const std::optional<std::string> named = arguments.value("config");
  if (!named && directory.empty()) {
    return std::nullopt;
  }
  std::string path = named.value_or(projectFileIn(directory));
  if (!path.starts_with('/')) {
    path = cat(directory, "/", path);
  }
  auto content = named ? sys::readFile(path, kMaxProjectFile) : readProjectFile(path);
  if (content) {
    return model::ProjectFile{.path = std::move(path), .content = *std::move(content)};
  }
  // A directory there holds the name while a sandbox has the workspace writable.
  const int error_number = content.error().sys_errno;
  if (!named && (error_number == ENOENT || error_number == EISDIR)) {
    return std::nullopt;
  }
  // A file that is there but cannot be read may hold a restriction: going on without it would be
  // weaker than what was asked for.
  Error error = std::move(content).error();
  error.remedy = "Make it readable and at most 1 MiB, or name another one with --config.";
  return std::unexpected(std::move(error).context("project file"));
}

}  // namespace ak::cli
