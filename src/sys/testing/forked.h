#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

namespace ak::sys::testing {

// Runs `body` in a child process and gives its exit status: for tests that change what a process
// cannot change back (user, namespaces). The body returns 0 when all is well and a number of its
// own otherwise; -1 stands for a child that a signal ended. Not for programs with threads.
template <typename Body>
int inChild(Body body) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 99;
    try {
      status = body();
    } catch (const std::exception&) {
    }
    ::_exit(status);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace ak::sys::testing
