#include "image/host_lookup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>

#include "base/text.h"
#include "image/directory.h"
#include "sys/file.h"

namespace ak::image {

namespace {

constexpr int kMaxLinks = 40;          // MAXSYMLINKS of the kernel
constexpr int kMaxInterpreters = 4;    // BINPRM_MAX_RECURSION
constexpr std::size_t kShebang = 256;  // BINPRM_BUF_SIZE

// The components of a path, last first, so that the next one is at the back.
void pushComponents(std::vector<std::string>& stack, std::string_view path) {
  const auto parts = split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!part->empty() && *part != ".") {
      stack.emplace_back(*part);
    }
  }
}

// The program that "#! /bin/sh -e" names; empty when it is no script.
std::string interpreterOf(std::string_view head) {
  if (!head.starts_with("#!")) {
    return {};
  }
  const std::string_view line = trim(head.substr(2, head.find('\n') - 2));
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

}  // namespace

RootLookup::RootLookup(const model::BoxRoot& root) : root_(root) {}

std::string RootLookup::hostPath(const std::string& resolved) const {
  for (const model::BoxRoot::Bind& bind : root_.binds) {
    if (resolved == bind.target || resolved.starts_with(bind.target + "/")) {
      return bind.source.path + resolved.substr(bind.target.size());
    }
  }
  return root_.layers.front().path + resolved;
}

std::optional<std::string> RootLookup::resolve(std::string_view path) const {
  if (path.size() >= PATH_MAX || path.contains('\0')) {
    return std::nullopt;
  }
  std::vector<std::string> stack;
  pushComponents(stack, path);
  std::string resolved;
  int links = 0;
  while (!stack.empty()) {
    const std::string part = std::move(stack.back());
    stack.pop_back();
    if (part == "..") {
      resolved.resize(resolved.empty() ? 0 : resolved.rfind('/'));
      continue;
    }
    const std::string next = cat(resolved, "/", part);
    const std::string on_host = hostPath(next);
    const Result<struct stat> info = statEntry(AT_FDCWD, on_host);
    if (!info) {
      return std::nullopt;
    }
    if (!S_ISLNK(info->st_mode)) {
      resolved = next;
      continue;
    }
    const Result<std::string> target = readLink(AT_FDCWD, on_host);
    if (!target || ++links > kMaxLinks) {
      return std::nullopt;
    }
    if (target->starts_with('/')) {
      resolved.clear();
    }
    pushComponents(stack, *target);
  }
  return resolved.empty() ? "/" : resolved;
}

bool RootLookup::runnable(std::string_view path) const {
  return runnableAtDepth(path, 0);
}

bool RootLookup::runnableAtDepth(std::string_view path, int depth) const {
  const std::optional<std::string> resolved = resolve(path);
  if (!resolved || depth > kMaxInterpreters) {
    return false;
  }
  const std::string on_host = hostPath(*resolved);
  const Result<struct stat> info = statEntry(AT_FDCWD, on_host);
  // Others' bit: the owner of a host file is nobody that a box has.
  if (!info || !S_ISREG(info->st_mode) || (info->st_mode & S_IXOTH) == 0) {
    return false;
  }
  const auto file = sys::openPath(on_host, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) {
    return true;  // executable and not readable: no script
  }
  char head[kShebang];
  const ssize_t size = ::pread(file->get(), head, sizeof head, 0);
  if (size <= 0) {
    return false;
  }
  const std::string interpreter = interpreterOf({head, static_cast<std::size_t>(size)});
  return interpreter.empty() || runnableAtDepth(interpreter, depth + 1);
}

}  // namespace ak::image
