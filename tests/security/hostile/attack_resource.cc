// R23: more than one's share. Each attack ends by itself; WORKED says that no limit was met.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "hostile/attack.h"

namespace ak::hostile {

namespace {

long number(std::span<char*> arguments, std::size_t index) {
  return arguments.size() > index ? std::strtol(arguments[index], nullptr, 10) : 0;
}

// Processes up to a number that no limit allows.
Verdict forks(std::span<char*> arguments) {
  const long most = number(arguments, 0);
  std::vector<pid_t> children;
  for (long i = 0; i < most; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::pause();
      ::_exit(0);
    }
    if (child < 0) {
      break;
    }
    children.push_back(child);
  }
  const bool all = static_cast<long>(children.size()) == most;
  for (const pid_t child : children) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  return tell("fork bomb", all, std::to_string(children.size()));
}

// Megabytes of memory, touched.
Verdict memory(std::span<char*> arguments) {
  constexpr std::size_t kMiB = std::size_t{1} << 20U;
  for (long i = 0; i < number(arguments, 0); ++i) {
    void* const piece =
        ::mmap(nullptr, kMiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (piece == MAP_FAILED) {
      return tell("memory bomb", false, std::strerror(errno));
    }
    std::memset(piece, 1, kMiB);
  }
  return tell("memory bomb", true);
}

Verdict files(std::span<char*> arguments) {
  long made = 0;
  for (; made < number(arguments, 0); ++made) {
    if (::open("/dev/null", O_RDONLY) < 0) {
      break;
    }
  }
  return tell("descriptor bomb", made == number(arguments, 0), std::to_string(made));
}

// Fills directory `arguments[0]` with so many megabytes.
Verdict fill(std::span<char*> arguments) {
  const std::string path = std::string(arguments[0]) + "/bomb";
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
  const std::string block(std::size_t{1} << 20U, 'x');
  bool full = fd < 0;
  for (long i = 0; i < number(arguments, 1) && !full; ++i) {
    full = ::write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size());
  }
  ::unlink(path.c_str());
  return tell("filling " + path, !full, std::strerror(errno));
}

Verdict inodes(std::span<char*> arguments) {
  long made = 0;
  for (; made < number(arguments, 1); ++made) {
    const std::string path = std::string(arguments[0]) + "/i" + std::to_string(made);
    const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
    if (fd < 0) {
      break;
    }
    ::close(fd);
  }
  return tell("inode bomb", made == number(arguments, 1), std::to_string(made));
}

// Megabytes on stdout.
Verdict flood(std::span<char*> arguments) {
  const std::string block(std::size_t{1} << 20U, '\n');
  for (long i = 0; i < number(arguments, 0); ++i) {
    (void)!::write(1, block.data(), block.size());
  }
  return Verdict::Blocked;
}

// Terminals are counted for the whole machine (kernel.pty.max).
Verdict terminals(std::span<char*> arguments) {
  long made = 0;
  while (made < number(arguments, 0) && ::open("/dev/ptmx", O_RDWR | O_NOCTTY) >= 0) {
    ++made;
  }
  return tell("terminal bomb", made == number(arguments, 0), std::to_string(made));
}

// What pairs of sockets hold unread is the kernel's memory. Megabytes.
Verdict sockets(std::span<char*> arguments) {
  const std::string block(1 << 20, 'x');
  std::size_t held = 0;
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&here), size) != 0 ||
      ::listen(listener, 64) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&here), &size) != 0) {
    return tell("socket bomb", false, std::strerror(errno));
  }
  const std::size_t wanted = static_cast<std::size_t>(number(arguments, 0)) << 20U;
  for (int pair = 0; pair < 400 && held < wanted; ++pair) {
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    if (client < 0 || ::connect(client, reinterpret_cast<sockaddr*>(&here), size) != 0 ||
        ::accept(listener, nullptr, nullptr) < 0) {
      break;
    }
    for (ssize_t sent = 1; sent > 0;) {
      sent = ::send(client, block.data(), block.size(), MSG_DONTWAIT);
      held += sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }
  }
  return tell("socket bomb", held >= wanted, std::to_string(held >> 20U) + " MiB");
}

constexpr Attack kAttacks[] = {{"forks", forks},         {"memory", memory},  {"files", files},
                               {"fill", fill},           {"inodes", inodes},  {"flood", flood},
                               {"terminals", terminals}, {"sockets", sockets}};

}  // namespace

std::span<const Attack> resourceAttacks() {
  return kAttacks;
}

}  // namespace ak::hostile
