// Stands in for ak-agent in the launcher's tests: serves one command per connection on descriptor 3
// and answers with text, so that a test sees the box from inside.
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "base/text.h"
#include "sys/file.h"

namespace {

std::string outcome(long result) {
  return result < 0 ? ak::errnoText(errno) : "ok";
}

std::string listing(const std::string& path) {
  std::string names;
  DIR* dir = ::opendir(path.c_str());
  if (dir == nullptr) {
    return outcome(-1);
  }
  const int own = ::dirfd(dir);
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && !(path == "/proc/self/fd" && name == ak::cat(own))) {
      names += ak::cat(name, " ");
    }
  }
  ::closedir(dir);
  return names;
}

std::string read(const std::string& path) {
  const auto text = ak::sys::readFile(path, 1 << 20);
  return text ? *text : text.error().message;
}

std::string write(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT, 0644);
  if (fd < 0) {
    return outcome(-1);
  }
  const std::string answer = outcome(::write(fd, "guest", 5));
  ::close(fd);
  return answer;
}

std::string describe(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return outcome(-1);
  }
  return ak::cat(info.st_uid, ":", info.st_gid);
}

// Forks `count` sleeping children; says how many there were, and ends them.
std::string forkMany(int count) {
  int made = 0;
  for (; made < count; ++made) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
    if (pid < 0) {
      break;
    }
  }
  ::kill(-1, SIGKILL);
  while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  return ak::cat(made);
}

std::string eatMemory(std::size_t megabytes) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    for (std::size_t i = 0; i < megabytes; ++i) {
      // Not malloc: the compiler may leave out what nobody reads.
      (void)::mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? ak::cat("signal ", WTERMSIG(status)) : "survived";
}

std::string makeChildGroup() {
  if (::mkdirat(4, "exec-1", 0755) != 0) {
    return outcome(-1);
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const int procs = ::openat(4, "exec-1/cgroup.procs", O_WRONLY);
  const std::string text = ak::cat(child);
  const std::string answer = outcome(::write(procs, text.data(), text.size()));
  ::close(procs);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return answer;
}

std::string answer(const std::string& command, const std::string& argument) {
  if (command == "read") {
    return read(argument);
  }
  if (command == "write") {
    return write(argument);
  }
  if (command == "list") {
    return listing(argument);
  }
  if (command == "owner") {
    return describe(argument);
  }
  if (command == "mkdir") {
    return outcome(::mkdir(argument.c_str(), 0755));
  }
  if (command == "rmdir") {
    return outcome(::rmdir(argument.c_str()));
  }
  if (command == "unlink") {
    return outcome(::unlink(argument.c_str()));
  }
  if (command == "rename") {
    return outcome(::rename(argument.c_str(), (argument + ".x").c_str()));
  }
  if (command == "mknod") {
    return outcome(::mknod(argument.c_str(), S_IFCHR | 0666, 0x0103));
  }
  if (command == "fork") {
    return forkMany(ak::parseNumber<int>(argument).value_or(0));
  }
  if (command == "eat") {
    return eatMemory(ak::parseNumber<std::size_t>(argument).value_or(0));
  }
  if (command == "group") {
    return makeChildGroup();
  }
  if (command == "limit-file") {
    return outcome(::openat(4, argument.c_str(), O_WRONLY));
  }
  if (command == "userns") {
    return outcome(::unshare(CLONE_NEWUSER));
  }
  if (command == "mount") {
    return outcome(::mount("none", "/tmp", "tmpfs", 0, nullptr));
  }
  if (command == "remount") {
    return outcome(::mount("none", argument.c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr));
  }
  if (command == "hostname") {
    char name[65] = {};
    ::gethostname(name, 64);
    return name;
  }
  if (command == "exit") {
    ::_exit(ak::parseNumber<int>(argument).value_or(0));
  }
  return "what?";
}

}  // namespace

int main() {
  for (;;) {
    const int connection = ::accept4(3, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) {
      if (errno == EAGAIN) {
        ::fcntl(3, F_SETFL, 0);
      }
      continue;
    }
    char line[4096] = {};
    const ssize_t size = ::read(connection, line, sizeof line - 1);
    const std::string text(line, size > 0 ? static_cast<std::size_t>(size) : 0);
    const std::size_t space = text.find(' ');
    const std::string reply =
        answer(text.substr(0, space), space == std::string::npos ? "" : text.substr(space + 1));
    (void)ak::sys::writeAll(connection, reply);
    ::close(connection);
  }
}
