// Linked into every program of a sanitizer build. Sandboxed programs, the launcher and the daemon
// get no environment from whoever runs the tests, so what they need to know is compiled in.
#include <sys/prctl.h>
#include <unistd.h>

namespace {

// Called while the sanitizer starts: nothing here may be instrumented.
[[clang::disable_sanitizer_instrumentation]] const char* options() {
  if (::getpid() == 1) {
    // Signals from below reach process 1 only where it has a handler (pid_namespaces(7)): with
    // those that the sanitizer installs, any guest could end its agent with kill(1, SIGSEGV).
    return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0";
  }
  // Their standard error is /dev/null or a log: reports go to files, which tools/run_tests.py
  // counts. Without the directory there would be no start at all.
  return ::access(AK_SANITIZER_REPORTS, W_OK) == 0 ? "log_exe_name=1:log_path=" AK_SANITIZER_REPORTS
                                                     "/sanitizer"
                                                   : "";
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the names that the sanitizers look for.
extern "C" {
[[clang::disable_sanitizer_instrumentation]] const char* __asan_default_options() {
  return options();
}

[[clang::disable_sanitizer_instrumentation]] const char* __tsan_default_options() {
  return options();
}

// At exit, the search for leaks traces this process by way of /proc. The helpers that read images
// have no /proc by then, and the agent cannot be traced: without this the search fails, and the
// report of that finds no file either and waits for itself.
[[clang::disable_sanitizer_instrumentation]] int __lsan_is_turned_off() {
  return ::access("/proc/self/task", R_OK) != 0 || ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1;
}
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
